// Examples: placeholder until its first file lands.

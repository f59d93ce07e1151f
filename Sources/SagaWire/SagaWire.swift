// SagaWire: placeholder until its first file lands.

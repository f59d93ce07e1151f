// SagaCore: placeholder until its first file lands.

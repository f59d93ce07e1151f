// SagaServer: placeholder until its first file lands.

// SagaClient: placeholder until its first file lands.

// SagaRuntime: placeholder until its first file lands.

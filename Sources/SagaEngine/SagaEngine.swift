// SagaEngine: placeholder until its first file lands.

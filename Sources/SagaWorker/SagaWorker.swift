// SagaWorker: placeholder until its first file lands.

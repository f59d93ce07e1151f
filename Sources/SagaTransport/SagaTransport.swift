// SagaTransport: placeholder until its first file lands.

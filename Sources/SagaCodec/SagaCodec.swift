// SagaCodec: placeholder until its first file lands.

/** Saga Engine for Node.js: start sagas, and serve their activities. */

export { Client, WorkflowHandle } from "./client.js";
export type { ClientOptions, ListOptions, StartOptions, Target } from "./client.js";
export type { ConnectOptions } from "./connection.js";
export { SagaDefinition, StepRef } from "./declarative.js";
export type { ActivityStepOptions, Conditional, UndoOptions } from "./declarative.js";
export * from "./errors.js";
export type { SubscribeOptions } from "./feed.js";
export { jsonConverter, protobuf, RawPayload, Values } from "./payloads.js";
export type { PayloadCodec, PayloadConverter } from "./payloads.js";
export type { Caller, CallOptions, ClientStream, DuplexStream, Method, ServerStream } from "./rpc.js";
export { Worker, ActivityContext } from "./worker.js";
export type { Activity, UndoInput, WorkerOptions } from "./worker.js";
export { WireError } from "./wire.js";
export type { Init, MessageType } from "./wire.js";
export { CompensationState, IdReusePolicy, Payload, ResetUndo, StepOutcome, WaitKind, WorkflowStatus } from "./v1/messages.js";
/** Every message of the wire protocol. */
export * as v1 from "./v1/messages.js";
/** Every method of every service. */
export { methods } from "./v1/services.js";

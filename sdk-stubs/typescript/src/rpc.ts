// What the generated stubs need to know of the client that carries their calls out.

import type { Init, MessageType } from "./wire.js";

/** One method of a service. */
export interface Method<Req, Res> {
  /** In the frame header. */
  readonly number: number;
  /** `Service.Name`. */
  readonly name: string;
  readonly request: MessageType<Req>;
  readonly response: MessageType<Res>;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  /** True if the call changes something, so that its request id counts. */
  readonly mutates: boolean;
}

/** What holds for one call. */
export interface CallOptions {
  /** Milliseconds until the call fails with DEADLINE_EXCEEDED. Default 30,000. */
  timeoutMs?: number | undefined;
  /** The caller's own id of a change: a repeat with the same id does nothing twice. Default: a new one for each call. */
  requestId?: string | undefined;
  /** Ends the call early; it rejects with the signal's reason. What the server has recorded stays. */
  signal?: AbortSignal | undefined;
}

/** Messages from the server, in order; `for await` ends it early by `break`. */
export interface ServerStream<Res> extends AsyncIterable<Res> {
  /** The next message; undefined after the last. */
  receive(): Promise<Res | undefined>;
  /** Ends the stream. */
  cancel(reason?: string): void;
}

/** Messages to the server, and one answer. */
export interface ClientStream<Req, Res> {
  /** Sends a message; waits while the server's window is full. */
  send(item: Init<Req>): Promise<void>;
  /** Says that no more messages come, and waits for the answer. */
  finish(): Promise<Res>;
  /** Ends the stream. */
  cancel(reason?: string): void;
}

/** Messages both ways. */
export interface DuplexStream<Req, Res> extends ServerStream<Res> {
  /** Sends a message; waits while the server's window is full. */
  send(item: Init<Req>): Promise<void>;
  /** Says that no more messages come from here. */
  end(): Promise<void>;
}

/** Carries calls out; `Client` is one. */
export interface Caller {
  unary<Req, Res>(method: Method<Req, Res>, request: Init<Req>, options: CallOptions): Promise<Res>;
  serverStream<Req, Res>(method: Method<Req, Res>, request: Init<Req>, options: CallOptions): ServerStream<Res>;
  clientStream<Req, Res>(
    method: Method<Req, Res>, first: Init<Req>, options: CallOptions,
  ): Promise<ClientStream<Req, Res>>;
  duplex<Req, Res>(method: Method<Req, Res>, first: Init<Req>, options: CallOptions): Promise<DuplexStream<Req, Res>>;
}

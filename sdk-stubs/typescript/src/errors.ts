// What can go wrong, as classes.

import { CompensationState, ErrorKind, SagaError as SagaErrorMessage, Status, StatusCode } from "./v1/messages.js";
import type { Values } from "./payloads.js";

export { ErrorKind, StatusCode };

/** Base of everything that this package throws on purpose. */
export class SagaEngineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The connection could not be made, or ended. What was under way may or may not have happened. */
export class ConnectionLost extends SagaEngineError {}

/** The server has not begun this call: it is safe to repeat. */
export class NotProcessed extends ConnectionLost {}

/** More about a SagaError. */
export interface SagaErrorOptions {
  /** Decides what the engine does: VALIDATION and DOMAIN are not retried and mean that nothing happened. */
  kind?: ErrorKind;
  /** Your own name for it, such as `CardDeclined`. At most 255 bytes. */
  code?: string;
  /** Facts for programs. */
  context?: Record<string, string>;
  /** The errors behind it, nearest first. */
  causes?: { kind: ErrorKind; message: string }[];
  /** True: do not repeat this, whatever the kind says. */
  nonRetryable?: boolean;
  /** A value of your own. */
  details?: unknown;
}

/** The one error structure of the engine: throw it in an activity, find it in a failed workflow. */
export class SagaError extends SagaEngineError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly context: Record<string, string>;
  readonly causes: { kind: ErrorKind; message: string }[];
  readonly nonRetryable: boolean;
  readonly details: unknown;

  constructor(message: string, options: SagaErrorOptions = {}) {
    super(message);
    this.kind = options.kind ?? ErrorKind.ACTIVITY_EXECUTION;
    this.code = options.code ?? "";
    this.context = options.context ?? {};
    this.causes = options.causes ?? [];
    this.nonRetryable = options.nonRetryable ?? false;
    this.details = options.details;
  }

  /** The error as it goes over the wire. */
  async toMessage(values: Values): Promise<SagaErrorMessage> {
    return SagaErrorMessage.create({
      kind: this.kind,
      message: cut(this.message, 4_096),
      code: cut(this.code, 255),
      context: Object.entries(this.context).slice(0, 64).map(([key, value]) => ({ key, value: cut(value, 65_536) })),
      causes: this.causes.slice(0, 32).map((cause) => ({ kind: cause.kind, message: cut(cause.message, 4_096) })),
      timestampUs: BigInt(Date.now()) * 1_000n,
      nonRetryable: this.nonRetryable,
      ...(this.details === undefined ? {} : { details: await values.encode(this.details) }),
    });
  }

  /** The error that came over the wire. */
  static async fromMessage(message: SagaErrorMessage, values?: Values): Promise<SagaError> {
    return new SagaError(message.message, {
      kind: message.kind,
      code: message.code,
      context: Object.fromEntries(message.context.map((entry) => [entry.key, entry.value])),
      causes: message.causes,
      nonRetryable: message.nonRetryable,
      details: values === undefined ? message.details : await values.decode(message.details),
    });
  }
}

/** The business said no ("card declined"): not retried, and nothing happened. */
export class DomainError extends SagaError {
  constructor(message: string, options: Omit<SagaErrorOptions, "kind"> = {}) {
    super(message, { ...options, kind: ErrorKind.DOMAIN });
  }
}

/** The input is wrong: not retried, and nothing happened. */
export class ValidationError extends SagaError {
  constructor(message: string, options: Omit<SagaErrorOptions, "kind"> = {}) {
    super(message, { ...options, kind: ErrorKind.VALIDATION });
  }
}

/** Throw it from an activity around another error to say that nothing happened: its step needs no undo. */
export class NoEffect extends SagaEngineError {
  constructor(override readonly cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Throw it from an activity after its signal was aborted, to report that it stopped; see `noEffect`. */
export class ActivityCancelled extends SagaEngineError {
  /** True: nothing happened, the step needs no undo. */
  readonly noEffect: boolean;

  constructor(options: { noEffect?: boolean } = {}) {
    super("cancelled on request");
    this.noEffect = options.noEffect ?? false;
  }
}

/** The server answered a call with an error. */
export class StatusError extends SagaEngineError {
  constructor(
    readonly code: StatusCode,
    message: string,
    /** For programs; undefined if the server had nothing to add. */
    readonly error?: SagaErrorMessage | undefined,
    /** Milliseconds to wait before a retry; 0 = no advice. */
    readonly retryAfterMs = 0,
  ) {
    super(`${StatusCode[code] ?? code}: ${message}`);
  }

  static fromMessage(status: Status): StatusError {
    return new StatusError(status.code, status.message, status.error, Number(status.retryAfterMs));
  }
}

/** What the unwinding of a saga reached. */
export interface Compensation {
  state: "none" | "complete" | "partial" | "given_up" | "unknown";
  /** Undo entries left open, by the event that scheduled their step. */
  openEntries: bigint[];
}

const STATES: Record<number, Compensation["state"]> = {
  [CompensationState.NONE]: "none",
  [CompensationState.COMPLETE]: "complete",
  [CompensationState.PARTIAL]: "partial",
  [CompensationState.GIVEN_UP]: "given_up",
};

export function compensation(message: { state: number; openEntries: bigint[] } | undefined): Compensation {
  return { state: STATES[message?.state ?? 0] ?? "unknown", openEntries: message?.openEntries ?? [] };
}

/** A saga ended otherwise than by completing; see the subclasses. */
export class WorkflowEnded extends SagaEngineError {
  constructor(readonly workflowId: string, what: string, readonly compensation: Compensation) {
    super(`workflow ${workflowId} ${what}`);
  }
}

/** It failed; what had to be undone is undone (see `compensation`). */
export class WorkflowFailed extends WorkflowEnded {
  constructor(workflowId: string, readonly error: SagaError, done: Compensation) {
    super(workflowId, `failed: ${error.code || ErrorKind[error.kind]}: ${error.message}`, done);
  }
}

/** It was cancelled on request. */
export class WorkflowCanceled extends WorkflowEnded {}

/** Its execution time-out passed. */
export class WorkflowTimedOut extends WorkflowEnded {}

/** It was stopped from outside. */
export class WorkflowTerminated extends WorkflowEnded {}

/** Text that the server takes: no NUL, no lone surrogate, at most `limit` bytes. */
function cut(text: string, limit: number): string {
  const data = new TextEncoder().encode(text.replaceAll("\0", "\ufffd"));
  if (data.length <= limit) return new TextDecoder().decode(data);
  let end = limit;
  while (end > 0 && ((data[end] as number) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(data.subarray(0, end));
}

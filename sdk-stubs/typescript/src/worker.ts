// The worker: serves activities and undos over one stream that it keeps alive.

import { Backoff, type Client, now, sleep } from "./client.js";
import { identity, type Stream } from "./connection.js";
import { ActivityCancelled, ConnectionLost, ErrorKind, NoEffect, SagaError, StatusError } from "./errors.js";
import type { Values } from "./payloads.js";
import {
  type Ack, AckResult, type ActivityTask, Effect, type ServerItem, StatusCode, StepOutcome, type WorkerItem,
} from "./v1/messages.js";
import type { Init } from "./wire.js";

/**
 * What an undo activity receives. It may be called for a step that never happened (`outcome` is `unknown`): it must
 * accept "nothing there".
 */
export interface UndoInput<Input = any, Output = any> {
  /** What the step received. */
  input: Input;
  /** What the step returned; undefined unless `outcome` is `completed`. */
  output: Output | undefined;
  outcome: "completed" | "no_effect" | "unknown";
  /** Key of the step (the undo's own is in the context). */
  idempotencyKey: string;
  /** What the step's activity prepared by `setUndoData`, or what an operator gave instead; undefined = nothing. */
  data: any;
}

/** A function that does a step, or undoes one (its input is then an `UndoInput`). */
export type Activity = (context: ActivityContext, input: any) => unknown;

/** How to serve. */
export interface WorkerOptions {
  /** Queues to serve. */
  taskQueues: string[];
  /** Activities by the name that workflows call them by. */
  activities: Record<string, Activity>;
  /** Activities at the same time. Default 20; at most 4,096. */
  maxConcurrent?: number;
  /** Who this is, for people. Default: `user@host/pid`. */
  identity?: string;
  /** Milliseconds that running activities get after `stop` before they are asked to stop. Default 30,000. */
  drainTimeoutMs?: number;
  /** Where warnings go. Default: standard error. */
  log?: (message: string) => void;
}

const OUTCOMES: Record<number, UndoInput["outcome"]> = {
  [StepOutcome.COMPLETED]: "completed", [StepOutcome.NO_EFFECT]: "no_effect", [StepOutcome.UNKNOWN]: "unknown",
};
const FINAL: readonly StatusCode[] = [
  StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED, StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED,
];

/** What an activity knows about its attempt. */
export class ActivityContext {
  readonly namespace: string;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly sagaId: Uint8Array;
  readonly activityType: string;
  readonly stepId: string;
  readonly taskQueue: string;
  /** From 1. */
  readonly attempt: number;
  /** The same over all attempts: give it to the systems you call. */
  readonly idempotencyKey: string;
  readonly isUndo: boolean;
  /** True if the task asks whether a step of unknown outcome happened: return true or false. */
  readonly isProbe: boolean;
  readonly traceparent: string;
  /** Aborted once somebody wants the attempt to stop; hand it to what you call. */
  readonly signal: AbortSignal;
  /** What the last heartbeat of an earlier attempt said; undefined = nothing. */
  readonly heartbeatDetails: any;
  /** For the worker. */
  undoData: { value: unknown } | undefined;

  constructor(task: ActivityTask, signal: AbortSignal, heartbeatDetails: unknown, private readonly beat: (details: unknown) => void) {
    this.namespace = task.namespace;
    this.workflowId = task.workflowId;
    this.workflowType = task.workflowType;
    this.sagaId = task.sagaId;
    this.activityType = task.activityType;
    this.stepId = task.stepId;
    this.taskQueue = task.taskQueue;
    this.attempt = task.attempt;
    this.idempotencyKey = task.idempotencyKey;
    this.isUndo = task.isUndo;
    this.isProbe = task.isProbe;
    this.traceparent = task.traceparent;
    this.signal = signal;
    this.heartbeatDetails = heartbeatDetails;
  }

  /**
   * Says that the attempt is alive and how far it is; the next attempt gets the last details. Cheap to call often: it is
   * sent at most a few times in a heartbeat time-out.
   */
  heartbeat(details?: unknown): void {
    this.beat(details);
  }

  /** What the undo of this step will need, beside input and output. */
  setUndoData(value: unknown): void {
    this.undoData = { value };
  }
}

/**
 * Serves activities until it is stopped.
 *
 * Every task gets one report, which is kept until the server has acknowledged it and sent again over a new stream if
 * need be. A lost stream is opened again with backoff; activities go on meanwhile.
 */
export class Worker {
  private readonly maxConcurrent: number;
  private readonly runs = new Map<string, Run>();
  private readonly reports = new Map<string, Init<WorkerItem>>();
  private readonly log: (message: string) => void;
  private stream: Stream<WorkerItem, ServerItem> | undefined;
  private stopping = false;
  private tokensRefused = false;
  private wake: (() => void)[] = [];

  constructor(private readonly client: Client, private readonly options: WorkerOptions) {
    this.maxConcurrent = options.maxConcurrent ?? 20;
    this.log = options.log ?? ((message) => console.error(`saga worker: ${message}`));
    const queues = options.taskQueues.length;
    if (queues === 0 || this.maxConcurrent < queues || this.maxConcurrent > 4_096) {
      throw new RangeError("give at least one task queue, and maxConcurrent from their number to 4096");
    }
  }

  /** Begins to drain: no new task, running ones finish and are acknowledged, then `run` resolves. */
  stop(): void {
    this.stopping = true;
    this.changed();
  }

  /** True while a stream is open. */
  get serving(): boolean {
    return this.stream !== undefined;
  }

  /** Serves until `stop`. Rejects with StatusError if the server refuses the worker for good (credentials, names). */
  async run(): Promise<void> {
    let backoff = new Backoff(200, 10_000);
    while (!this.finished) {
      try {
        if (await this.serve()) backoff = new Backoff(200, 10_000);
      } catch (error) {
        if (error instanceof StatusError) {
          if (error.message.includes("running_task_tokens") && !this.tokensRefused) {
            // One has expired: its report will be refused by itself, the rest goes on.
            this.tokensRefused = true;
            continue;
          }
          if (FINAL.includes(error.code)) throw error;
        } else if (!(error instanceof ConnectionLost)) {
          throw error;
        }
        this.log(`stream lost: ${error.message}`);
      }
      const end = now() + backoff.next();
      while (now() < end && !this.finished) await sleep(Math.min(50, end - now()));
    }
  }

  private get finished(): boolean {
    return this.stopping && this.runs.size === 0 && this.reports.size === 0;
  }

  /** One stream to its end; true if it brought anything. */
  private async serve(): Promise<boolean> {
    const stream = await this.client.openWork(this.opening());
    for (const report of this.reports.values()) this.say(stream, report);
    this.stream = stream;
    let brought = false;
    const over = { over: false };
    void this.drain(stream, over);
    try {
      for (let item = await stream.receive(); item !== undefined; item = await stream.receive()) {
        brought = true;
        this.tokensRefused = false;
        this.handle(item, stream, over);
      }
      return brought;
    } catch (error) {
      if (brought && error instanceof ConnectionLost) {
        this.log(`stream lost: ${error.message}`);
        return true;
      }
      throw error;
    } finally {
      over.over = true;
      this.stream = undefined;
      this.changed();
      stream.cancel("worker stream closed");
    }
  }

  private opening(): Init<WorkerItem> {
    const known = [...new Set([...this.runs.keys(), ...this.reports.keys()])];
    const free = this.stopping ? 0 : Math.max(0, this.maxConcurrent - known.length);
    const queues = this.options.taskQueues;
    // One pool of places for all queues, split so that each has at least one if there are enough.
    const slots = queues
      .map((taskQueue, i) => ({ taskQueue, addActivities: Math.floor(free / queues.length) + (i < free % queues.length ? 1 : 0) }))
      .filter((entry) => entry.addActivities > 0);
    return {
      item: {
        case: "open",
        value: {
          identity: this.options.identity ?? identity(), taskQueues: queues,
          activityTypes: Object.keys(this.options.activities).sort(), slots,
          runningTaskTokens: this.tokensRefused ? [] : known.slice(0, 4_096).map((token) => Buffer.from(token, "base64")),
        },
      },
    };
  }

  /** Sends an item; if the stream is lost, the receiving side says so. */
  private say(stream: Stream<WorkerItem, ServerItem> | undefined, item: Init<WorkerItem>): void {
    stream?.send(item).catch(() => undefined);
  }

  private changed(): void {
    const wake = this.wake;
    this.wake = [];
    for (const resume of wake) resume();
  }

  private async until(condition: () => boolean, limit = Infinity): Promise<void> {
    const timer = limit === Infinity ? undefined : setTimeout(() => this.changed(), limit - now());
    while (!condition() && now() < limit) await new Promise<void>((resolve) => this.wake.push(resolve));
    clearTimeout(timer);
  }

  private get idle(): boolean {
    return this.runs.size === 0 && this.reports.size === 0;
  }

  private async drain(stream: Stream<WorkerItem, ServerItem>, over: { over: boolean }): Promise<void> {
    await this.until(() => this.stopping || over.over);
    if (over.over) return;
    this.say(stream, { item: { case: "drained", value: { running: this.runs.size } } });
    await this.until(() => this.idle || over.over, now() + (this.options.drainTimeoutMs ?? 30_000));
    if (!this.idle && !over.over) {
      this.log(`${this.runs.size} activities still run; they are asked to stop`);
      for (const run of this.runs.values()) run.requestCancel();
    }
    await this.end(stream, over);
  }

  private async end(stream: Stream<WorkerItem, ServerItem>, over: { over: boolean }): Promise<void> {
    await this.until(() => this.idle || over.over);
    if (over.over) return;
    this.say(stream, { item: { case: "drained", value: { running: 0 } } });
    await stream.end().catch(() => undefined);
  }

  private handle(received: ServerItem, stream: Stream<WorkerItem, ServerItem>, over: { over: boolean }): void {
    const item = received.item;
    if (item === undefined) return;
    if (item.case === "activityTask") {
      const token = key(item.value.taskToken);
      // If it runs here, or has run, the report is on its way.
      if (this.runs.has(token) || this.reports.has(token)) return;
      const run = new Run(this.client.values, this.options.activities, item.value, (beat) => this.say(this.stream, beat), this.log);
      this.runs.set(token, run);
      void run.report().then((report) => {
        this.runs.delete(token);
        this.reports.set(token, report);
        this.say(this.stream, report);
        this.changed();
      });
    } else if (item.case === "cancelActivity") {
      this.runs.get(key(item.value.taskToken))?.requestCancel();
    } else if (item.case === "heartbeatAnswer") {
      if (item.value.cancelRequested || !item.value.current) this.runs.get(key(item.value.taskToken))?.requestCancel();
    } else if (item.case === "ack") {
      this.acknowledged(item.value);
    } else if (item.case === "drain") {
      void this.end(stream, over);
    }
  }

  private acknowledged(ack: Ack): void {
    this.reports.delete(key(ack.taskToken));
    if (ack.result === AckResult.REFUSED) this.log(`a report was refused: ${ack.error?.message ?? ""}`);
    else if (ack.result === AckResult.LATE_EFFECT) this.log("a report came after the undo of its step; the server deals with it");
    this.changed();
  }
}

function key(token: Uint8Array): string {
  return Buffer.from(token).toString("base64");
}

/** One attempt that runs here. */
class Run {
  private readonly controller = new AbortController();
  private cancelRequested = false;
  private ended = false;
  private readonly gap: number;
  private lastBeat = -Infinity;
  private nextBeat: NodeJS.Timeout | undefined;
  private details: { value: unknown } | undefined;

  constructor(
    private readonly values: Values,
    private readonly activities: Record<string, Activity>,
    private readonly task: ActivityTask,
    private readonly say: (item: Init<WorkerItem>) => void,
    private readonly log: (message: string) => void,
  ) {
    const limit = Number(task.timeouts?.heartbeatUs ?? 0n) / 1_000;
    this.gap = limit > 0 ? Math.min(1_000, limit / 4) : 1_000;
  }

  requestCancel(): void {
    if (this.cancelRequested || this.ended) return;
    this.cancelRequested = true;
    this.controller.abort(new ActivityCancelled());
  }

  /** Runs the activity and says what came of it; never rejects. */
  async report(): Promise<Init<WorkerItem>> {
    const taskToken = this.task.taskToken;
    let alarm: NodeJS.Timeout | undefined;
    try {
      const limit = Number(this.task.timeouts?.startToCloseUs ?? 0n) / 1_000;
      // The server's own clock decides; this one ends what would hold a place for ever.
      const late = new Promise<never>((_, reject) => {
        if (limit <= 0 || limit > 2 ** 31 - 10_000) return;
        alarm = setTimeout(() => {
          const error = new SagaError(`the attempt ran longer than ${limit} ms`, { kind: ErrorKind.TIMEOUT });
          this.controller.abort(error);
          reject(error);
        }, limit + 1_000);
      });
      const { output, undoData } = await Promise.race([this.execute(), late]);
      const value = {
        taskToken, output: await this.values.encode(output),
        ...(undoData === undefined ? {} : { undoData: await this.values.encode(undoData.value) }),
      };
      return { item: { case: "activityCompleted", value } };
    } catch (error) {
      return await this.failure(error);
    } finally {
      this.ended = true;
      clearTimeout(alarm);
      clearTimeout(this.nextBeat);
    }
  }

  private async execute(): Promise<{ output: unknown; undoData: { value: unknown } | undefined }> {
    const task = this.task;
    const activity = Object.hasOwn(this.activities, task.activityType) ? this.activities[task.activityType] : undefined;
    if (activity === undefined) {
      const options = { kind: ErrorKind.CONFIGURATION, nonRetryable: true };
      throw new NoEffect(new SagaError(`this worker does not serve ${task.activityType}`, options));
    }
    let value: unknown;
    let details: unknown;
    try {
      value = await this.values.decode(task.input);
      details = await this.values.decode(task.heartbeatDetails);
      if (task.undo !== undefined) {
        const undo: UndoInput = {
          input: value, output: await this.values.decode(task.undo.output), outcome: OUTCOMES[task.undo.outcome] ?? "unknown",
          idempotencyKey: task.undo.stepKey, data: await this.values.decode(task.undo.data),
        };
        value = undo;
      }
    } catch (error) {
      throw new NoEffect(new SagaError(`the input cannot be read: ${text(error)}`, { kind: ErrorKind.CODEC }));
    }
    const context = new ActivityContext(task, this.controller.signal, details, (beat) => this.heartbeat(beat));
    const output = await activity(context, value);
    return { output, undoData: context.undoData };
  }

  private heartbeat(details: unknown): void {
    if (this.ended) return;
    this.details = details === undefined ? undefined : { value: details };
    if (this.nextBeat !== undefined) return;
    const wait = this.lastBeat + this.gap - now();
    if (wait <= 0) void this.beat();
    else this.nextBeat = setTimeout(() => void this.beat(), wait);
  }

  private async beat(): Promise<void> {
    this.nextBeat = undefined;
    this.lastBeat = now();
    try {
      const details = this.details === undefined ? {} : { details: await this.values.encode(this.details.value) };
      if (!this.ended) this.say({ item: { case: "heartbeat", value: { taskToken: this.task.taskToken, ...details } } });
    } catch (error) {
      this.log(`heartbeat details of ${this.task.activityType} are left out: ${text(error)}`);
    }
  }

  private async failure(thrown: unknown): Promise<Init<WorkerItem>> {
    const taskToken = this.task.taskToken;
    const aborted = thrown instanceof ActivityCancelled || (thrown instanceof Error && thrown.name === "AbortError");
    if (this.cancelRequested && aborted) {
      const effect = thrown instanceof ActivityCancelled && thrown.noEffect ? Effect.NONE : Effect.UNKNOWN;
      return { item: { case: "activityCanceled", value: { taskToken, effect } } };
    }
    let effect = Effect.UNSPECIFIED;
    let error = thrown;
    if (error instanceof NoEffect) {
      effect = Effect.NONE;
      error = error.cause;
    }
    let saga: SagaError;
    if (error instanceof SagaError) {
      saga = error;
      const none = saga.kind === ErrorKind.VALIDATION || saga.kind === ErrorKind.DOMAIN;
      if (!none && effect === Effect.UNSPECIFIED) effect = Effect.UNKNOWN;
    } else {
      saga = new SagaError(text(error), { code: error instanceof Error ? error.name : "" });
      if (effect === Effect.UNSPECIFIED) effect = Effect.UNKNOWN;
    }
    let message;
    try {
      message = await saga.toMessage(this.values);
    } catch (problem) {
      message = await new SagaError(`${saga.message} (its details are left out: ${text(problem)})`, {
        kind: saga.kind, code: saga.code, nonRetryable: saga.nonRetryable,
      }).toMessage(this.values);
    }
    return { item: { case: "activityFailed", value: { taskToken, error: message, effect } } };
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

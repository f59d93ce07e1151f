// The client: start sagas, steer them, wait for them, read them.

import { randomUUID } from "node:crypto";
import { type ConnectOptions, Connection, type Stream } from "./connection.js";
import type { SagaDefinition } from "./declarative.js";
import {
  compensation, ConnectionLost, SagaError, StatusError, WorkflowCanceled, WorkflowEnded, WorkflowFailed,
  WorkflowTerminated, WorkflowTimedOut,
} from "./errors.js";
import { exportHistory, importHistory, subscribe, type SubscribeOptions } from "./feed.js";
import { type PayloadCodec, type PayloadConverter, Values } from "./payloads.js";
import type { Caller, CallOptions, ClientStream, DuplexStream, Method, ServerStream } from "./rpc.js";
import {
  type BlockedWorkflow, type DefinitionProblem, type DescribeWorkflowResponse, type GetWorkflowResultResponse,
  type HistoryChunk, type HistoryEvent, type IdReusePolicy, type LateEffect, type NamedPayload, ResetUndo, StatusCode,
  type StartOptions as StartOptionsMessage, type SubscriptionItem, type WorkflowInfo,
  WorkflowStatus,
} from "./v1/messages.js";
import {
  AdminService, CompensationService, DefinitionsService, EventsService, methods, SchedulesService, WorkersService,
  WorkflowsService,
} from "./v1/services.js";
import type { Init } from "./wire.js";

/** How to connect, and how values become payloads. */
export interface ClientOptions extends ConnectOptions {
  /** Default: JSON, raw bytes, protobuf. */
  converter?: PayloadConverter | undefined;
  /** Applied to every payload after the converter; the place for encryption. */
  codec?: PayloadCodec | undefined;
}

/** What defines a new run. */
export interface StartOptions extends CallOptions {
  /** The caller's own name of the saga, unique among open ones. 1-255 bytes. */
  workflowId: string;
  /** Queue whose workers run the workflow code. Default: `default`. */
  taskQueue?: string | undefined;
  /** Version of the code. Default: the newest that a worker serves. */
  version?: number | undefined;
  /** Milliseconds after which the run is undone and closes as timed out. Default: never. */
  executionTimeoutMs?: number | undefined;
  /** Milliseconds the code has to close after a cancel. Default 60,000. */
  cancelGraceMs?: number | undefined;
  /** Whether a bad end undoes by itself. Default true. */
  autoCompensate?: boolean | undefined;
  /** Whether earlier undos go on when one has failed for good. Default false. */
  continueOnUndoError?: boolean | undefined;
  /** What happens if the id was used by a run that is closed. Default: ALLOW_IF_FAILED. */
  idReuse?: IdReusePolicy | undefined;
  /** Notes, returned by `describe`. */
  memo?: Record<string, unknown> | undefined;
  /** What `list` filters by. Always JSON, never through the codec: the server reads them. */
  searchAttributes?: Record<string, unknown> | undefined;
}

/** Which run. */
export interface Target extends CallOptions {
  /** One run, 16 bytes. Default: the open one, else the latest. */
  sagaId?: Uint8Array | undefined;
}

/** Which runs. */
export interface ListOptions extends CallOptions {
  workflowTypes?: string[] | undefined;
  statuses?: WorkflowStatus[] | undefined;
  workflowIdPrefix?: string | undefined;
  onlyBlocked?: boolean | undefined;
  /** Entries to fetch at once. Default 100. */
  pageSize?: number | undefined;
}

const RETRIED: readonly StatusCode[] = [StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED];
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Calls of one namespace over one connection, which is made again when it is lost.
 *
 * A call that the connection took with it is repeated until its deadline, with the same request id: the server does
 * nothing twice. `workflows`, `compensation` and so on are the generated stubs of every call; the methods here are the
 * same with values in place of payloads.
 */
export class Client implements Caller {
  readonly workflows = new WorkflowsService(this);
  readonly compensation = new CompensationService(this);
  readonly definitions = new DefinitionsService(this);
  readonly schedules = new SchedulesService(this);
  readonly events = new EventsService(this);
  readonly workers = new WorkersService(this);
  readonly admin = new AdminService(this);
  /** How this client turns values into payloads. */
  readonly values: Values;
  private connection: Connection | undefined;
  private connecting: Promise<Connection> | undefined;
  private draining: Connection[] = [];
  private closed = false;

  private constructor(private readonly options: ClientOptions) {
    this.values = new Values(options.converter, options.codec);
  }

  /**
   * Connects over TLS 1.3 and waits for the server's welcome. Throws ConnectionLost if the server cannot be reached or
   * trusted, StatusError if it refuses the hello.
   */
  static async connect(options: ClientOptions = {}): Promise<Client> {
    const client = new Client({ ...options });
    await client.usableConnection();
    return client;
  }

  /** Closes the connection; what is under way is lost. */
  close(): void {
    this.closed = true;
    for (const connection of this.draining) connection.close();
    this.connection?.close();
  }

  /** Name and version of the server, as of the last welcome. */
  get serverVersion(): string {
    return this.connection?.welcome.serverVersion ?? "";
  }

  /** True after `close`. */
  get isClosed(): boolean {
    return this.closed;
  }

  // Sagas

  /** Starts a saga, or finds the open one of that workflow id (`alreadyStarted`). Durable when it resolves. */
  async start(workflowType: string, value: unknown, options: StartOptions): Promise<WorkflowHandle> {
    const request = { options: await this.startOptions(workflowType, value, options) };
    const answer = await this.workflows.start(request, options);
    return new WorkflowHandle(this, options.workflowId, answer.sagaId, answer.alreadyStarted);
  }

  /** Signals a saga and starts it first if it is not open, in one step. */
  async signalWithStart(
    workflowType: string, value: unknown,
    options: StartOptions & { signalName: string; signalValue?: unknown; signalId?: string },
  ): Promise<WorkflowHandle> {
    const answer = await this.workflows.signalWithStart({
      options: await this.startOptions(workflowType, value, options),
      signalName: options.signalName, signalId: options.signalId ?? "",
      signalInput: await this.values.encode(options.signalValue),
    }, options);
    return new WorkflowHandle(this, options.workflowId, answer.sagaId, answer.alreadyStarted);
  }

  /** A handle on a saga that was started elsewhere. */
  handle(workflowId: string, sagaId: Uint8Array = new Uint8Array(0)): WorkflowHandle {
    return new WorkflowHandle(this, workflowId, sagaId, true);
  }

  /** Sends a signal; durable when it resolves. The same `signalId` twice is one signal. */
  async signal(workflowId: string, name: string, value?: unknown, options: Target & { signalId?: string } = {}): Promise<void> {
    const input = await this.values.encode(value);
    await this.workflows.signal({ workflow: ref(workflowId, options), name, input, signalId: options.signalId ?? "" }, options);
  }

  /** Reads state through the saga's own handler. */
  async query(workflowId: string, name: string, value?: unknown, options: Target = {}): Promise<any> {
    const input = await this.values.encode(value);
    const answer = await this.workflows.query({ workflow: ref(workflowId, options), name, input }, options);
    return this.values.decode(answer.output);
  }

  /** Asks the code to do something and waits for its answer. Throws SagaError if it was refused or rolled back. */
  async update(workflowId: string, name: string, value?: unknown, options: Target & { updateId?: string } = {}): Promise<any> {
    const input = await this.values.encode(value);
    const request = { workflow: ref(workflowId, options), name, input, updateId: options.updateId ?? "" };
    const answer = await this.workflows.update(request, options);
    if (answer.error !== undefined) throw await SagaError.fromMessage(answer.error, this.values);
    return this.values.decode(answer.output);
  }

  /** Asks a saga to end: its code sees it, and its steps are undone. Resolves when the request is durable. */
  async cancel(workflowId: string, reason = "", options: Target = {}): Promise<void> {
    await this.workflows.cancel({ workflow: ref(workflowId, options), reason }, options);
  }

  /** Stops a saga from outside; `compensate: true` undoes its steps first. */
  async terminate(workflowId: string, options: Target & { compensate: boolean; reason?: string }): Promise<void> {
    const request = { workflow: ref(workflowId, options), reason: options.reason ?? "", compensate: options.compensate };
    await this.workflows.terminate(request, options);
  }

  /** Goes on from an earlier event in a new run, whose id it gives. */
  async reset(
    workflowId: string, eventId: bigint, options: Target & { undo?: ResetUndo; reason?: string } = {},
  ): Promise<Uint8Array> {
    const answer = await this.workflows.reset({
      workflow: ref(workflowId, options), eventId, undo: options.undo ?? ResetUndo.UNSPECIFIED, reason: options.reason ?? "",
    }, options);
    return answer.sagaId;
  }

  /**
   * Waits for the end of a saga and gives what it returned.
   *
   * `timeoutMs` is how long to wait, default for ever. Throws WorkflowFailed, WorkflowCanceled, WorkflowTimedOut or
   * WorkflowTerminated if the saga ended otherwise.
   */
  async result(workflowId: string, options: Target & { followRuns?: boolean } = {}): Promise<any> {
    const end = options.timeoutMs === undefined ? Infinity : now() + options.timeoutMs;
    for (;;) {
      const left = Math.min(60_000, end - now());
      try {
        const request = { workflow: ref(workflowId, options), followRuns: options.followRuns ?? true };
        const answer = await this.workflows.getResult(request, { ...options, timeoutMs: Math.max(1, left) });
        return await this.outcome(workflowId, answer);
      } catch (error) {
        const passed = error instanceof StatusError && error.code === StatusCode.DEADLINE_EXCEEDED;
        if (this.closed || now() >= end - 1 || !(passed || error instanceof ConnectionLost)) throw error;
        if (!passed) await sleep(200, options.signal);
      }
    }
  }

  /** Everything about a saga: status, what it waits for, pending steps, undo log. */
  async describe(workflowId: string, options: Target = {}): Promise<DescribeWorkflowResponse> {
    return this.workflows.describe({ workflow: ref(workflowId, options) }, options);
  }

  /** Runs that match, newest start first; pages are fetched as they are needed. */
  async *list(options: ListOptions = {}): AsyncGenerator<WorkflowInfo, void, undefined> {
    let pageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { filter: filter(options), pageSize: options.pageSize ?? 0, pageToken };
      const page = await this.workflows.list(request, options);
      yield* page.workflows;
      pageToken = page.nextPageToken;
    } while (pageToken.length > 0);
  }

  /** How many runs match. */
  async count(options: ListOptions = {}): Promise<bigint> {
    return (await this.workflows.count({ filter: filter(options) }, options)).count;
  }

  /**
   * Events of a run, oldest first. With `follow` it goes on as the saga does, until it closes, over lost connections;
   * `timeoutMs` is then how long it tries to connect again.
   */
  async *history(
    workflowId: string, options: Target & { fromEventId?: bigint; follow?: boolean } = {},
  ): AsyncGenerator<HistoryEvent, void, undefined> {
    let position = options.fromEventId ?? 0n;
    const target = { ...options };
    if (!options.follow) {
      for (let more = true; more; ) {
        const page = await this.workflows.getHistory({ workflow: ref(workflowId, target), fromEventId: position }, options);
        yield* page.events;
        if (page.sagaId.length > 0) target.sagaId = page.sagaId;
        more = page.more;
        position = page.nextEventId;
      }
      return;
    }
    let backoff = new Backoff();
    for (let failingSince = 0; ; ) {
      try {
        const stream = this.workflows.followHistory({ workflow: ref(workflowId, target), fromEventId: position }, options);
        for await (const item of stream) {
          backoff = new Backoff();
          failingSince = 0;
          if (item.sagaId.length > 0) target.sagaId = item.sagaId;
          for (const event of item.events) {
            position = event.eventId + 1n;
            yield event;
          }
        }
        return;
      } catch (error) {
        failingSince ||= now();
        const limit = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
        if (this.closed || !(error instanceof ConnectionLost) || now() - failingSince > limit) throw error;
        await sleep(backoff.next(), options.signal);
      }
    }
  }

  /**
   * The feed of committed events, one item for some events of one saga or aggregate: each event at least once, in the
   * order of the commits for each saga. It never ends by itself, and goes on over lost connections after the last item that was taken; `timeoutMs` is how
   * long it tries to connect again. An item's `position`, kept with what was done about it, is where another
   * subscription goes on.
   */
  subscribe(options: SubscribeOptions = {}): AsyncGenerator<SubscriptionItem, never, undefined> {
    return subscribe(this, options);
  }

  /** Everything of a run, for `importHistory` of another server. A lost connection ends it: begin again. */
  exportHistory(workflowId: string, options: Target = {}): AsyncGenerator<HistoryChunk, void, undefined> {
    return exportHistory(this, workflowId, options);
  }

  /**
   * Stores an exported run, or nothing of it. Durable when it resolves. After ConnectionLost do it again: a run that is there
   * with the same events is a success. ALREADY_EXISTS means that it is there with other or fewer events.
   */
  importHistory(
    chunks: Iterable<Init<HistoryChunk>> | AsyncIterable<Init<HistoryChunk>>, options: CallOptions = {},
  ): Promise<{ sagaId: Uint8Array; events: bigint }> {
    return importHistory(this, chunks, options);
  }

  /** The state of a run after an event. */
  async stateAt(workflowId: string, eventId: bigint, options: Target = {}): Promise<DescribeWorkflowResponse | undefined> {
    const at = { case: "eventId" as const, value: eventId };
    return (await this.workflows.stateAt({ workflow: ref(workflowId, options), at }, options)).state;
  }

  /** Removes a closed run and its history. */
  async delete(workflowId: string, options: Target = {}): Promise<void> {
    await this.workflows.delete({ workflow: ref(workflowId, options) }, options);
  }

  /** Stops handing out tasks of a run. */
  async pause(workflowId: string, reason = "", options: Target = {}): Promise<void> {
    await this.workflows.pause({ workflow: ref(workflowId, options), reason }, options);
  }

  /** Hands out tasks again. */
  async resume(workflowId: string, reason = "", options: Target = {}): Promise<void> {
    await this.workflows.resume({ workflow: ref(workflowId, options), reason }, options);
  }

  // Undos that need a person. `stepEventId` is the event that scheduled the step.

  /** Runs that need a person, longest blocked first. */
  async *listBlocked(options: CallOptions & { pageSize?: number } = {}): AsyncGenerator<BlockedWorkflow, void, undefined> {
    let pageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await this.compensation.listBlocked({ pageSize: options.pageSize ?? 0, pageToken }, options);
      yield* page.workflows;
      pageToken = page.nextPageToken;
    } while (pageToken.length > 0);
  }

  /** Runs an undo once more. */
  async retryUndo(workflowId: string, stepEventId: bigint, options: Target & { reason?: string } = {}): Promise<void> {
    await this.compensation.retry({ undo: undoRef(workflowId, stepEventId, options), reason: options.reason ?? "" }, options);
  }

  /** Runs an undo once more, with an input that a person edited. */
  async retryUndoWithInput(
    workflowId: string, stepEventId: bigint, value: unknown, options: Target & { reason?: string } = {},
  ): Promise<void> {
    const input = await this.values.encode(value);
    const undo = undoRef(workflowId, stepEventId, options);
    await this.compensation.retryWithInput({ undo, input, reason: options.reason ?? "" }, options);
  }

  /** Leaves an undo out. */
  async skipUndo(workflowId: string, stepEventId: bigint, reason: string, options: Target = {}): Promise<void> {
    await this.compensation.skip({ undo: undoRef(workflowId, stepEventId, options), reason }, options);
  }

  /** Marks an undo as done by hand. */
  async resolveUndo(workflowId: string, stepEventId: bigint, note: string, options: Target = {}): Promise<void> {
    await this.compensation.resolve({ undo: undoRef(workflowId, stepEventId, options), note }, options);
  }

  /** Gives the whole unwinding of a run up. */
  async giveUp(workflowId: string, reason: string, options: Target = {}): Promise<void> {
    await this.compensation.giveUp({ workflow: ref(workflowId, options), reason }, options);
  }

  /** Effects that were reported after their step's undo. */
  async *lateEffects(options: Target & { workflowId?: string; pageSize?: number } = {}): AsyncGenerator<LateEffect, void, undefined> {
    let pageToken: Uint8Array = new Uint8Array(0);
    do {
      const workflow = options.workflowId === undefined ? {} : { workflow: ref(options.workflowId, options) };
      const page = await this.compensation.listLateEffects({ ...workflow, pageSize: options.pageSize ?? 0, pageToken }, options);
      yield* page.lateEffects;
      pageToken = page.nextPageToken;
    } while (pageToken.length > 0);
  }

  /** Stores a definition; a changed one becomes the next version. */
  async registerDefinition(
    definition: SagaDefinition, options: CallOptions = {},
  ): Promise<{ version: number; unchanged: boolean }> {
    return this.definitions.register({ definition: definition.message }, options);
  }

  /** Everything that is wrong with a definition; nothing is stored. */
  async validateDefinition(definition: SagaDefinition, options: CallOptions = {}): Promise<DefinitionProblem[]> {
    return (await this.definitions.validate({ definition: definition.message }, options)).problems;
  }

  /** Whether the server is alive; `echo` comes back. At most 65,536 bytes. */
  async health(echo: Uint8Array = new Uint8Array(0), options: CallOptions = {}): Promise<{ echo: Uint8Array; serverTimeUs: bigint }> {
    return this.admin.health({ echo }, options);
  }

  // Carrying calls out

  /** One call until its deadline: repeated over new connections, with one request id. */
  async unary<Req, Res>(method: Method<Req, Res>, request: Init<Req>, options: CallOptions): Promise<Res> {
    const deadline = now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const header = { ...(request as any).header };
    if (method.mutates) header.requestId = options.requestId || header.requestId || randomUUID();
    const backoff = new Backoff();
    for (;;) {
      options.signal?.throwIfAborted();
      try {
        return await this.attempt(method, { ...request, header } as any, deadline, options.signal);
      } catch (error) {
        let pause: number;
        if (error instanceof StatusError && RETRIED.includes(error.code)) pause = Math.max(backoff.next(), error.retryAfterMs);
        else if (error instanceof ConnectionLost && !this.closed) pause = backoff.next();
        else throw error;
        if (now() + pause >= deadline) throw error;
        await sleep(pause, options.signal);
      }
    }
  }

  private async attempt<Req, Res>(
    method: Method<Req, Res>, request: any, deadline: number, signal: AbortSignal | undefined,
  ): Promise<Res> {
    // A little longer than the server is told, so that its own answer wins.
    const late = (): Error => new StatusError(StatusCode.DEADLINE_EXCEEDED, `${method.name} was not answered in time`);
    const connection = await within(this.usableConnection(), deadline + 1_000 - now(), late, signal);
    request.header.deadlineMs = BigInt(Math.max(1, Math.floor(deadline - now())));
    const stream = connection.openStream(method, request);
    try {
      const answer = await within(stream.receive(), deadline + 1_000 - now(), late, signal);
      if (answer === undefined) throw new ConnectionLost(`${method.name}: the server ended the call without an answer`);
      return answer;
    } finally {
      // Nothing happens if it has ended; else the server learns that the caller has given up.
      stream.cancel("the caller has given up");
    }
  }

  serverStream<Req, Res>(method: Method<Req, Res>, request: Init<Req>, options: CallOptions): ServerStream<Res> {
    const opening = this.open(method, request, options);
    opening.catch(() => undefined);
    const receive = async (): Promise<Res | undefined> => (await opening).receive();
    const cancel = (reason = "no longer wanted"): void => void opening.then((stream) => stream.cancel(reason), () => undefined);
    return {
      receive,
      cancel,
      async *[Symbol.asyncIterator]() {
        try {
          for (let item = await receive(); item !== undefined; item = await receive()) yield item;
        } finally {
          cancel();
        }
      },
    };
  }

  async clientStream<Req, Res>(method: Method<Req, Res>, first: Init<Req>, options: CallOptions): Promise<ClientStream<Req, Res>> {
    const stream = await this.open(method, first, options);
    return {
      send: (item) => stream.send(item),
      cancel: (reason) => stream.cancel(reason),
      async finish() {
        await stream.end();
        const answer = await stream.receive();
        if (answer === undefined) throw new ConnectionLost(`${method.name}: the server ended the call without an answer`);
        return answer;
      },
    };
  }

  async duplex<Req, Res>(method: Method<Req, Res>, first: Init<Req>, options: CallOptions): Promise<DuplexStream<Req, Res>> {
    return this.open(method, first, options);
  }

  private async open<Req, Res>(method: Method<Req, Res>, first: Init<Req>, options: CallOptions): Promise<Stream<Req, Res>> {
    const { signal } = options;
    signal?.throwIfAborted();
    const connection = await this.usableConnection();
    // An aborted signal tells nobody who listens only now.
    signal?.throwIfAborted();
    const header = { ...(first as any).header };
    if (method.mutates) header.requestId = options.requestId || header.requestId || randomUUID();
    const stream = connection.openStream(method, { ...first, header } as Init<Req>);
    if (signal !== undefined) {
      const stop = (): void => {
        stream.close(signal.reason);
        stream.cancel("the caller has given up");
      };
      signal.addEventListener("abort", stop, { once: true });
      // A signal may outlive many streams.
      stream.whenOver = () => signal.removeEventListener("abort", stop);
    }
    return stream;
  }

  /** The connection, made again if need be. */
  private async usableConnection(): Promise<Connection> {
    if (this.closed) throw new ConnectionLost("the client is closed");
    const current = this.connection;
    if (current?.usable) return current;
    if (current !== undefined && current.lost === undefined && current.goingAway === undefined) {
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, "too many calls in flight on this connection");
    }
    this.connecting ??= Connection.open(this.options).then((made) => {
      // Calls that run on a connection that goes away finish there.
      this.draining = this.draining.filter((connection) => connection.lost === undefined);
      if (current !== undefined && current.lost === undefined) this.draining.push(current);
      this.connection = made;
      if (this.closed) made.close();
      return made;
    }).finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async startOptions(workflowType: string, value: unknown, options: StartOptions): Promise<Init<StartOptionsMessage>> {
    const micros = (ms: number): bigint => BigInt(Math.round(ms * 1_000));
    return {
      workflowId: options.workflowId, workflowType, workflowVersion: options.version ?? 0,
      taskQueue: options.taskQueue ?? "", input: await this.values.encode(value),
      executionTimeoutUs: micros(options.executionTimeoutMs ?? 0),
      ...(options.cancelGraceMs === undefined ? {} : { cancelGraceUs: micros(options.cancelGraceMs) }),
      ...(options.autoCompensate === undefined ? {} : { autoCompensate: options.autoCompensate }),
      continueOnUndoError: options.continueOnUndoError ?? false, idReusePolicy: options.idReuse ?? 0,
      memo: await named(this.values, options.memo),
      searchAttributes: await named(new Values(), options.searchAttributes),
    };
  }

  private async outcome(workflowId: string, answer: GetWorkflowResultResponse): Promise<any> {
    const done = compensation(answer.compensation);
    switch (answer.status) {
      case WorkflowStatus.COMPLETED:
        return this.values.decode(answer.output);
      case WorkflowStatus.FAILED: {
        const error = answer.error === undefined ? new SagaError("it failed") : await SagaError.fromMessage(answer.error, this.values);
        throw new WorkflowFailed(workflowId, error, done);
      }
      case WorkflowStatus.CANCELED:
        throw new WorkflowCanceled(workflowId, `was cancelled: ${answer.reason}`, done);
      case WorkflowStatus.TIMED_OUT:
        throw new WorkflowTimedOut(workflowId, "timed out", done);
      case WorkflowStatus.TERMINATED:
        throw new WorkflowTerminated(workflowId, `was terminated: ${answer.reason}`, done);
      default:
        throw new WorkflowEnded(workflowId, `ended as ${WorkflowStatus[answer.status] ?? answer.status}`, done);
    }
  }

  /** Opens the worker's stream; for `Worker`. */
  async openWork(first: Init<import("./v1/messages.js").WorkerItem>): Promise<
    Stream<import("./v1/messages.js").WorkerItem, import("./v1/messages.js").ServerItem>
  > {
    return this.open(methods["Workers.Work"], first, {});
  }
}

/** A saga that was started or found; its methods are those of the client, for this saga. */
export class WorkflowHandle {
  constructor(
    private readonly client: Client,
    readonly workflowId: string,
    /** The run, 16 bytes. */
    readonly sagaId: Uint8Array,
    /** True if it was open before. */
    readonly alreadyStarted: boolean,
  ) {}

  /** See `Client.result`. */
  result(options: CallOptions = {}): Promise<any> {
    return this.client.result(this.workflowId, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.signal`. */
  signal(name: string, value?: unknown, options: CallOptions & { signalId?: string } = {}): Promise<void> {
    return this.client.signal(this.workflowId, name, value, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.query`. */
  query(name: string, value?: unknown, options: CallOptions = {}): Promise<any> {
    return this.client.query(this.workflowId, name, value, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.cancel`. */
  cancel(reason = "", options: CallOptions = {}): Promise<void> {
    return this.client.cancel(this.workflowId, reason, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.terminate`. */
  terminate(options: CallOptions & { compensate: boolean; reason?: string }): Promise<void> {
    return this.client.terminate(this.workflowId, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.describe`. */
  describe(options: CallOptions = {}): Promise<DescribeWorkflowResponse> {
    return this.client.describe(this.workflowId, { sagaId: this.sagaId, ...options });
  }

  /** See `Client.history`. */
  history(options: CallOptions & { follow?: boolean } = {}): AsyncGenerator<HistoryEvent, void, undefined> {
    return this.client.history(this.workflowId, { sagaId: this.sagaId, ...options });
  }
}

function ref(workflowId: string, target: Target): { workflowId: string; sagaId: Uint8Array } {
  return { workflowId, sagaId: target.sagaId ?? new Uint8Array(0) };
}

function undoRef(workflowId: string, stepEventId: bigint, target: Target): { workflow: ReturnType<typeof ref>; stepEventId: bigint } {
  return { workflow: ref(workflowId, target), stepEventId };
}

function filter(options: ListOptions): Init<import("./v1/messages.js").WorkflowFilter> {
  return {
    workflowTypes: options.workflowTypes ?? [], statuses: options.statuses ?? [],
    workflowIdPrefix: options.workflowIdPrefix ?? "",
    onlyBlocked: options.onlyBlocked ?? false,
  };
}

async function named(values: Values, entries: Record<string, unknown> | undefined): Promise<NamedPayload[]> {
  const made: NamedPayload[] = [];
  for (const [name, value] of Object.entries(entries ?? {})) made.push({ name, payload: await values.encode(value) });
  return made;
}

/** Milliseconds of a clock that nobody sets. */
export function now(): number {
  return performance.now();
}

/** 0.1 s doubling to 5 s, each shortened at random by up to half. */
export class Backoff {
  private current: number;

  constructor(first = 100, private readonly most = 5_000) {
    this.current = first;
  }

  next(): number {
    const pause = this.current * (1 - 0.5 * Math.random());
    this.current = Math.min(this.most, this.current * 2);
    return pause;
  }
}

/** Waits; rejects with the signal's reason when that is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** The promise, or `late()` after so many milliseconds, or the signal's reason. */
async function within<T>(promise: Promise<T>, ms: number, late: () => Error, signal: AbortSignal | undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(1, ms));
    stop = () => reject(signal?.reason);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal?.removeEventListener("abort", stop);
  }
}

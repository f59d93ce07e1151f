// The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto.

import * as fs from "node:fs";
import * as process from "node:process";
import * as tls from "node:tls";
import {
  type Activity, ActivityCancelled, Client, ConnectionLost, NoEffect, Payload, type PayloadCodec, RawPayload, SagaDefinition,
  SagaError, SagaEngineError, StatusError, type UndoInput, Worker, WorkflowCanceled, WorkflowEnded, WorkflowFailed, WorkflowTerminated,
  WorkflowTimedOut, methods,
} from "../src/index.js";
import { Action, ActivityProgram, type Connect, type Event, Op, Outcome, type Step, type Value, Verb } from "./messages.js";
import type { HistoryChunk } from "../src/v1/messages.js";
import type { Init } from "../src/wire.js";
import * as services from "../src/v1/services.js";

const lines: string[] = [];
let client: Client | undefined;
let where: Connect | undefined;
let worker: Worker | undefined;
let serving: Promise<void> = Promise.resolve();
/** What EXPORT kept. */
let exported: HistoryChunk[] = [];

const xor: PayloadCodec = {
  encode: (payload) => Payload.create({ ...payload, encoding: `xor/${payload.encoding}`, data: payload.data.map((b) => b ^ 0x5a) }),
  decode: (payload) => Payload.create({ ...payload, encoding: payload.encoding.replace(/^xor\//, ""), data: payload.data.map((b) => b ^ 0x5a) }),
};

function fromValue(value: Value | undefined): unknown {
  if (value === undefined || value.encoding === "") return undefined;
  if (value.encoding === "json") return JSON.parse(new TextDecoder().decode(value.data));
  if (value.encoding === "bytes") return value.data;
  return new RawPayload(Payload.create(value));
}

function toValue(value: unknown): Init<Value> {
  if (value instanceof Uint8Array) return { encoding: "bytes", data: value };
  if (value instanceof RawPayload) return { encoding: value.payload.encoding, data: value.payload.data };
  return { encoding: "json", data: new TextEncoder().encode(JSON.stringify(value ?? null)) };
}

// Activities

async function carryOut(context: Parameters<Activity>[0], name: string, steps: Step[]): Promise<unknown> {
  let output: unknown = null;
  for (const step of steps) {
    if (step.onlyAttempt !== 0 && step.onlyAttempt !== context.attempt) continue;
    switch (step.op) {
      case Op.RETURN:
        return fromValue(step.value);
      case Op.FAIL: {
        const error = new SagaError(step.text, {
          kind: step.errorKind, code: step.errorCode, nonRetryable: step.nonRetryable, context: { who: "conformance" },
        });
        throw step.noEffect ? new NoEffect(error) : error;
      }
      case Op.THROW:
        throw new TypeError(step.text);
      case Op.HEARTBEAT:
        context.heartbeat(fromValue(step.value));
        break;
      case Op.SLEEP:
        await new Promise((resolve) => setTimeout(resolve, Number(step.ms)));
        break;
      case Op.AWAIT_CANCEL: {
        const end = Date.now() + Number(step.ms);
        while (!context.signal.aborted && Date.now() < end) {
          context.heartbeat();
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        if (!context.signal.aborted) throw new SagaError("nobody cancelled it", { kind: 13 });
        lines.push(`cancelled ${name}`);
        throw new ActivityCancelled({ noEffect: step.noEffect });
      }
      case Op.UNDO_DATA:
        context.setUndoData(fromValue(step.value));
        break;
      case Op.CRASH:
        process.kill(process.pid, "SIGKILL");
        await new Promise(() => undefined);
        break;
      case Op.LOG_DETAILS:
        lines.push(`details ${name} ${JSON.stringify(context.heartbeatDetails ?? null)}`);
        break;
    }
  }
  return output;
}

const activities: Record<string, Activity> = {
  async program(context, input: RawPayload) {
    const program = input.message(ActivityProgram);
    lines.push(`do ${program.name} ${context.attempt}`);
    return carryOut(context, program.name, program.steps);
  },
  async undo(context, undo: UndoInput<RawPayload>) {
    const program = undo.input.message(ActivityProgram);
    const key = context.idempotencyKey.startsWith(`${undo.idempotencyKey}/undo`) && context.isUndo ? "key" : "bad-key";
    const parts = [undo.outcome, JSON.stringify(undo.output ?? null), JSON.stringify(undo.data ?? null), key];
    lines.push(`undo ${program.name} ${parts.join(" ")}`);
    return carryOut(context, program.name, program.undoSteps);
  },
  echo: (_, input) => input,
};

/** Round trips over a TLS connection by Node's own means. */
async function rawLane(action: Action): Promise<(number: number) => Promise<void>> {
  const how = where as Connect;
  const socket = tls.connect({
    host: how.host, port: how.port, servername: how.host, ca: fs.readFileSync(how.ca), ALPNProtocols: ["saga/1"],
    minVersion: "TLSv1.3",
  });
  socket.setNoDelay(true);
  let got = Buffer.alloc(0);
  let arrived: () => void = () => undefined;
  socket.on("data", (data) => {
    got = got.length === 0 ? data : Buffer.concat([got, data]);
    if (got.length < 4 || got.length < 4 + got.readUInt32BE(0)) return;
    got = got.subarray(4 + got.readUInt32BE(0));
    arrived();
  });
  const frame = async (data: Uint8Array): Promise<void> => {
    const answered = new Promise<void>((resolve) => (arrived = resolve));
    socket.write(data);
    await answered;
  };
  await frame(action.input?.data ?? new Uint8Array());
  socket.unref();
  const request = Buffer.concat([Buffer.alloc(12), action.echo]);
  request.writeUInt32BE(8 + action.echo.length, 0);
  request.writeUInt8(3, 4);
  request.writeUInt16BE(1792, 6);
  return async (number) => {
    request.writeUInt32BE(number + 1, 8);
    await frame(request);
  };
}

/** BENCH. */
async function measured(it: Client, action: Action): Promise<string[]> {
  const input = action.text === "saga" ? fromValue(action.input) : undefined;
  const raw = action.text === "raw" ? await rawLane(action) : undefined;
  const one = async (number: number): Promise<void> => {
    if (raw) return raw(number);
    if (action.text === "health") return void (await it.health(action.echo));
    const names = { workflowId: `${action.workflowId}-${number}`, taskQueue: action.taskQueue };
    await (await it.start(action.workflowType, input, names)).result();
  };
  const times: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < Number(action.number)) {
      const number = next++;
      const began = performance.now();
      await one(number);
      times.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: action.concurrency || 1 }, lane));
  const total = performance.now() - began;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return [total, at(0.5), at(0.99)].map((millis) => (1_000 * millis).toFixed(1));
}

/** The definitions of REGISTER. */
function declared(which: string, name: string, taskQueue: string): SagaDefinition {
  if (which === "everything") {
    const made = new SagaDefinition(name, { taskQueue, timeoutMs: 600_000, description: "all of it" });
    made.activity("pay", "charge", {
      input: ["${input.n}", true], taskQueue: "bank", attempts: 5, timeoutMs: 2_500, pivot: true,
      undo: { activity: "refund", input: { who: "${input.who}" }, taskQueue: "desk", failedStep: "always", probe: "paid" },
      when: ["input.n >= 2", "input.who != nobody", "input.mail exists"],
    });
    made.signal("ok", "go", { withinMs: 1_500 });
    made.timer("rest", 20, { when: "input.n < 9" });
    made.child("sub", "other", { input: "${input}", taskQueue: "else" });
    const end = made.activity("end", "tidy");
    made.returns(end.output());
    return made;
  }
  const made = new SagaDefinition(name, { taskQueue });
  if (which === "wrong") {
    made.activity("a", "echo", { input: "${steps.nobody.output}" });
    return made;
  }
  const a = made.activity("a", "echo", { input: { n: "${input.n}" } });
  let b = a;
  made.parallel(() => {
    b = made.activity("b", "echo", { input: { got: a.output("n") } });
    made.activity("c", "echo", { when: "input.n > 3" });
  });
  made.returns({ a: a.output("n"), b: b.output("got"), c: "${steps.c.output.n ?? 0}" });
  return made;
}

// Actions

async function act(action: Action): Promise<Init<Outcome>> {
  const { workflowId, text } = action;
  const signal = action.cancelAfterMs > 0n ? AbortSignal.timeout(Number(action.cancelAfterMs)) : undefined;
  const options = {
    signal,
    timeoutMs: action.timeoutMs > 0n ? Number(action.timeoutMs) : undefined,
    requestId: action.requestId || undefined,
    sagaId: action.sagaId.length > 0 ? action.sagaId : undefined,
  };
  if (action.verb === Verb.CONNECT) {
    const how = action.connect;
    if (how === undefined) return { result: "bug", message: "no connect" };
    client?.close();
    where = how;
    const file = (path: string): Uint8Array | undefined => (path === "" ? undefined : fs.readFileSync(path));
    client = await Client.connect({
      host: how.host, port: how.port, ca: file(how.ca), cert: file(how.cert), key: file(how.key), token: how.token,
      namespace: how.namespace, serverName: how.serverName || undefined, insecure: how.ca === "",
      codec: how.codec ? xor : undefined, connectTimeoutMs: how.timeoutMs > 0n ? Number(how.timeoutMs) : undefined,
    });
    return {};
  }
  if (action.verb === Verb.LOG) return { lines };
  if (action.verb === Verb.METHODS) {
    const found: string[] = [];
    for (const [name, service] of Object.entries(services)) {
      if (typeof service !== "function" || !name.endsWith("Service")) continue;
      for (const call of Object.getOwnPropertyNames(service.prototype)) {
        const full = `${name.slice(0, -7)}.${call[0]?.toUpperCase()}${call.slice(1)}`;
        if (call !== "constructor" && full in methods) found.push(full);
      }
    }
    return { lines: found };
  }
  const it = client;
  if (it === undefined) return { result: "bug", message: "not connected" };
  const start = { ...options, workflowId, taskQueue: action.taskQueue };
  const events = async (follow: boolean): Promise<Init<Event>[]> => {
    const made: Init<Event>[] = [];
    for await (const event of it.history(workflowId, { ...options, follow })) made.push({ id: event.eventId, code: event.eventType });
    return made;
  };
  switch (action.verb) {
    case Verb.CLOSE:
      it.close();
      client = undefined;
      return {};
    case Verb.HEALTH:
      return { value: { encoding: "bytes", data: (await it.health(action.echo, options)).echo } };
    case Verb.START: {
      const handle = await it.start(action.workflowType, fromValue(action.input), start);
      return { sagaId: handle.sagaId, alreadyStarted: handle.alreadyStarted };
    }
    case Verb.SIGNAL_WITH_START: {
      const handle = await it.signalWithStart(action.workflowType, null, {
        ...start, signalName: action.name, signalValue: fromValue(action.input), signalId: text,
      });
      return { sagaId: handle.sagaId, alreadyStarted: handle.alreadyStarted };
    }
    case Verb.SIGNAL:
      await it.signal(workflowId, action.name, fromValue(action.input), { ...options, signalId: text });
      return {};
    case Verb.CANCEL:
      await it.cancel(workflowId, text, options);
      return {};
    case Verb.TERMINATE:
      await it.terminate(workflowId, { ...options, reason: text, compensate: action.flag });
      return {};
    case Verb.RESULT:
      return { value: toValue(await it.result(workflowId, options)) };
    case Verb.DESCRIBE: {
      const found = await it.describe(workflowId, options);
      return { number: BigInt(found.info?.status ?? 0), lines: found.waitingFor.map((entry) => String(entry.kind)) };
    }
    case Verb.LIST: {
      const found: string[] = [];
      const filter = { ...options, workflowIdPrefix: text, pageSize: Number(action.number) };
      for await (const info of it.list(filter)) found.push(info.workflowId);
      return { lines: found };
    }
    case Verb.COUNT:
      return { number: await it.count({ ...options, workflowIdPrefix: text }) };
    case Verb.HISTORY:
      return { events: await events(false) };
    case Verb.FOLLOW:
      return { events: await events(true) };
    case Verb.PAUSE:
      await it.pause(workflowId, text, options);
      return {};
    case Verb.RESUME:
      await it.resume(workflowId, text, options);
      return {};
    case Verb.QUERY:
      return { value: toValue(await it.query(workflowId, action.name, fromValue(action.input), options)) };
    case Verb.UPDATE:
      return { value: toValue(await it.update(workflowId, action.name, fromValue(action.input), { ...options, updateId: text })) };
    case Verb.RESET:
      return { sagaId: await it.reset(workflowId, action.number, { ...options, reason: text }) };
    case Verb.STATE_AT:
      return { number: BigInt((await it.stateAt(workflowId, action.number, options))?.info?.status ?? 0) };
    case Verb.DELETE:
      await it.delete(workflowId, options);
      return {};
    case Verb.LIST_BLOCKED: {
      const found: string[] = [];
      for await (const blocked of it.listBlocked(options)) found.push(blocked.info?.workflowId ?? "");
      return { lines: found };
    }
    case Verb.RETRY_UNDO:
      await it.retryUndo(workflowId, action.number, { ...options, reason: text });
      return {};
    case Verb.RETRY_UNDO_WITH_INPUT:
      await it.retryUndoWithInput(workflowId, action.number, fromValue(action.input), { ...options, reason: text });
      return {};
    case Verb.SKIP_UNDO:
      await it.skipUndo(workflowId, action.number, text, options);
      return {};
    case Verb.RESOLVE_UNDO:
      await it.resolveUndo(workflowId, action.number, text, options);
      return {};
    case Verb.GIVE_UP:
      await it.giveUp(workflowId, text, options);
      return {};
    case Verb.LATE_EFFECTS: {
      let number = 0n;
      for await (const _ of it.lateEffects({ ...options, workflowId })) number += 1n;
      return { number };
    }
    case Verb.SUBSCRIBE: {
      const lines: string[] = [];
      const wanted = {
        ...options, position: action.position, fromBeginning: action.flag, eventTypes: action.eventTypes,
        workflowTypes: action.workflowType === "" ? [] : [action.workflowType],
      };
      let position = action.position;
      for await (const item of it.subscribe(wanted)) {
        for (const event of item.events) lines.push(`${item.workflowId} ${item.workflowType} ${event.eventId} ${event.eventType}`);
        position = item.position;
        if (lines.length >= Number(action.number)) break;
      }
      return { lines, position };
    }
    case Verb.EXPORT: {
      exported = [];
      for await (const chunk of it.exportHistory(workflowId, options)) exported.push(chunk);
      const events = exported.flatMap((chunk) => chunk.events.map((event) => ({ id: event.eventId, code: event.eventType })));
      return { number: BigInt(exported.length), events };
    }
    case Verb.IMPORT: {
      const made = await it.importHistory(exported, options);
      return { sagaId: made.sagaId, number: made.events };
    }
    case Verb.BENCH:
      return { lines: await measured(it, action) };
    case Verb.REGISTER: {
      const definition = declared(text, action.workflowType, action.taskQueue);
      return { number: BigInt((await it.registerDefinition(definition, options)).version) };
    }
    case Verb.SERVE: {
      worker = new Worker(it, {
        taskQueues: [action.taskQueue], activities, maxConcurrent: Number(action.number), log: () => undefined,
      });
      serving = worker.run();
      serving.catch(() => undefined);
      const end = Date.now() + 10_000;
      while (!worker.serving && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
      return {};
    }
    case Verb.DRAIN:
      worker?.stop();
      await serving;
      return {};
    default:
      return { result: "bug", message: `unknown verb ${action.verb}` };
  }
}

function failure(error: any): Init<Outcome> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StatusError) return { result: "status", statusCode: error.code, message };
  if (error instanceof ConnectionLost) return { result: "connection_lost", message };
  if (error instanceof WorkflowEnded) {
    const kinds: [Function, string][] = [
      [WorkflowFailed, "workflow_failed"], [WorkflowCanceled, "workflow_canceled"],
      [WorkflowTimedOut, "workflow_timed_out"], [WorkflowTerminated, "workflow_terminated"],
    ];
    const made: Init<Outcome> = {
      result: kinds.find(([type]) => error instanceof type)?.[1] ?? "bug", message, compensation: error.compensation.state,
    };
    if (!(error instanceof WorkflowFailed)) return made;
    const cause = error.error;
    return {
      ...made, errorKind: cause.kind, errorCode: cause.code, errorMessage: cause.message,
      errorContext: Object.entries(cause.context).map(([key, value]) => `${key}=${value}`),
    };
  }
  if (error?.name === "TimeoutError" || error?.name === "AbortError") return { result: "cancelled", message };
  if (error instanceof SagaEngineError || error instanceof TypeError || error instanceof RangeError) return { result: "invalid", message };
  return { result: "bug", message: error?.stack ?? message };
}

async function main(): Promise<void> {
  let held = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    held = Buffer.concat([held, chunk as Buffer]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
      const size = held.readUInt32BE(0);
      const action = Action.decode(held.subarray(4, 4 + size));
      held = held.subarray(4 + size);
      let outcome: Init<Outcome>;
      try {
        outcome = { result: "ok", ...(await act(action)) };
      } catch (error) {
        outcome = failure(error);
      }
      const body = Outcome.encode(outcome);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      process.stdout.write(Buffer.concat([head, body]));
    }
  }
  process.exit(0);
}

void main();

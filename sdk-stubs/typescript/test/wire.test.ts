import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Assembler, encodeFrame, fragments, FrameError, Kind, Parser } from "../src/frames.js";
import { jsonConverter, protobuf, RawPayload, Values } from "../src/payloads.js";
import { SagaDefinition } from "../src/declarative.js";
import { SagaError, ErrorKind } from "../src/errors.js";
import {
  Command, HistoryEvent, Payload, RetryPolicy, SagaError as SagaErrorMessage, StartOptions, Status, WorkflowRef,
} from "../src/v1/messages.js";
import { methods } from "../src/v1/services.js";
import { WireError } from "../src/wire.js";

const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

test("scalars have the bytes that protoc gives them", () => {
  const retry = { maximumAttempts: 4_294_967_295, initialIntervalUs: -1n, backoffCoefficient: 2, nonRetryableKinds: [0, 17, 300] };
  assert.equal(hex(RetryPolicy.encode(retry)), "08ffffffff0f10ffffffffffffffffff01190000000000000040320400" + "11ac02");
  assert.deepEqual(RetryPolicy.decode(RetryPolicy.encode(retry)), RetryPolicy.create(retry));
  const ref = { workflowId: "héllo ✓ 🚀", sagaId: Uint8Array.of(0, 255) };
  assert.equal(hex(WorkflowRef.encode(ref)), "0a0f68c3a96c6c6f20e29c9320f09f9a80120200ff");
});

test("defaults are left out, explicit zeros of optional fields are not", () => {
  assert.equal(WorkflowRef.encode({ workflowId: "", sagaId: new Uint8Array(0) }).length, 0);
  assert.equal(hex(StartOptions.encode({ cancelGraceUs: 0n, autoCompensate: false })), "38004000");
  const back = StartOptions.decode(Uint8Array.of(0x38, 0));
  assert.equal(back.cancelGraceUs, 0n);
  assert.equal(back.autoCompensate, undefined);
});

test("oneofs keep the last member, nested messages their fields", () => {
  const command = Command.create({ commandNumber: 3, kind: { case: "startTimer", value: { timerId: "t", durationUs: 5n } } });
  const back = Command.decode(Command.encode(command));
  assert.deepEqual(back, command);
  const both = Buffer.concat([Command.encode(command), Command.encode({ kind: { case: "completeWorkflow", value: {} } })]);
  assert.equal(Command.decode(both).kind?.case, "completeWorkflow");
});

test("64 bits survive", () => {
  for (const eventId of [0n, 1n, 127n, 128n, 2n ** 28n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    assert.equal(HistoryEvent.decode(HistoryEvent.encode({ eventId })).eventId, eventId);
  }
  for (const timestampUs of [-(2n ** 63n), -1n, 2n ** 63n - 1n]) {
    assert.equal(HistoryEvent.decode(HistoryEvent.encode({ timestampUs })).timestampUs, timestampUs);
  }
  assert.throws(() => HistoryEvent.encode({ eventId: -1n }), WireError);
  assert.throws(() => HistoryEvent.encode({ eventType: 1.5 }), WireError);
  assert.throws(() => HistoryEvent.encode({ eventType: 2 ** 32 }), WireError);
});

test("unknown fields and enum values pass, packed and unpacked lists are read", () => {
  assert.equal(Status.decode(Uint8Array.of(0x08, 99, 0xf8, 0x07, 1, 0xfa, 0x07, 2, 1, 2)).code, 99);
  assert.deepEqual(RetryPolicy.decode(Uint8Array.of(0x30, 1, 0x30, 2, 0x32, 2, 3, 4)).nonRetryableKinds, [1, 2, 3, 4]);
});

test("every cut of a message is read or refused, never a crash", () => {
  const whole = SagaErrorMessage.encode({
    kind: ErrorKind.DOMAIN, message: "no", context: [{ key: "a", value: "b" }], details: { encoding: "json", data: Uint8Array.of(1) },
  });
  for (let size = 0; size < whole.length; size += 1) {
    try {
      SagaErrorMessage.decode(whole.subarray(0, size));
    } catch (error) {
      assert.ok(error instanceof WireError);
    }
  }
  for (let i = 0; i < 20_000; i += 1) {
    const noise = Uint8Array.from({ length: i % 40 }, () => Math.floor(Math.random() * 256));
    try {
      HistoryEvent.decode(noise);
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  }
});

test("bad bytes are refused", () => {
  assert.throws(() => Status.decode(Uint8Array.of(0x12, 2, 0xc3, 0x28)), WireError); // not UTF-8
  assert.throws(() => Status.decode(Uint8Array.of(0x12, 5, 65)), WireError); // cut off
  assert.throws(() => Status.decode(Uint8Array.of(0x0a, 1, 65)), WireError); // wrong wire type
  assert.throws(() => Status.decode(Uint8Array.of(0x00, 1)), WireError); // field 0
  assert.throws(() => Status.decode(new Uint8Array(12).fill(0xff)), WireError); // varint without end
});

test("frames come out of any cut of the bytes", () => {
  const body = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  const bytes = Buffer.concat([encodeFrame(Kind.PING, 0, new Uint8Array(8)), ...fragments(Kind.ITEM, 7, body)]);
  for (const step of [1, 13, 65_536, bytes.length]) {
    if (step === 1 && bytes.length > 300_000) continue;
    const parser = new Parser();
    const assembler = new Assembler();
    let whole: Uint8Array | undefined;
    let pings = 0;
    for (let at = 0; at < bytes.length; at += step) {
      for (const frame of parser.feed(bytes.subarray(at, at + step))) {
        if (frame.kind === Kind.PING) pings += 1;
        else whole = assembler.add(frame);
      }
    }
    assert.equal(pings, 1);
    assert.deepEqual(whole, body);
  }
});

test("bytes that are no frames are refused", () => {
  const frame = encodeFrame(Kind.ITEM, 1);
  for (const [at, value] of [[4, 99], [4, 0], [5, 1], [5, 128], [3, 7], [0, 1]] as const) {
    const broken = Uint8Array.from(frame);
    broken[at] = value;
    assert.throws(() => new Parser().feed(broken), FrameError);
  }
  const assembler = new Assembler(10);
  assert.throws(() => assembler.add({ kind: Kind.ITEM, more: true, method: 0, stream: 1, body: new Uint8Array(11) }), FrameError);
});

test("values become payloads and back", async () => {
  const values = new Values();
  for (const value of [null, 1.5, "ü", [1, { a: [] }], Uint8Array.of(0, 255)]) {
    assert.deepEqual(await values.decode(await values.encode(value)), value);
  }
  assert.equal(await values.decode(undefined), undefined);
  assert.equal(await values.decode(Payload.create()), undefined);
  const raw = (await values.decode(await values.encode(protobuf(WorkflowRef, { workflowId: "x" })))) as RawPayload;
  assert.equal(raw.payload.metadata[0]?.value, "saga.v1.WorkflowRef");
  assert.equal(raw.message(WorkflowRef).workflowId, "x");
  assert.throws(() => new RawPayload(Payload.create({ encoding: "json" })).message(WorkflowRef), TypeError);
  assert.throws(() => jsonConverter.encode(() => 1), TypeError);
  assert.throws(() => jsonConverter.encode(1n), TypeError);
});

test("errors cross the wire", async () => {
  const values = new Values();
  const error = new SagaError("no\0 " + "ü".repeat(5_000), { code: "C", context: { k: "v" }, details: { n: 1 }, nonRetryable: true });
  const message = await error.toMessage(values);
  assert.ok(new TextEncoder().encode(message.message).length <= 4_096);
  const back = await SagaError.fromMessage(message, values);
  assert.deepEqual([back.kind, back.code, back.context, back.details, back.nonRetryable], [5, "C", { k: "v" }, { n: 1 }, true]);
  assert.ok(!back.message.includes("\0"));
});

test("method numbers are unique and in the range of their service", () => {
  const numbers = new Map(Object.values(methods).map((method) => [method.number, method.name.split(".")[0]]));
  assert.equal(numbers.size, Object.keys(methods).length);
  for (const [number, service] of numbers) {
    for (const [other, of] of numbers) if (number >> 8 === other >> 8) assert.equal(of, service);
  }
});

test("a definition that says something impossible is refused", () => {
  const made = new SagaDefinition("d");
  for (const when of ["input.n is large", "input.n ==", "exists", ""]) {
    assert.throws(() => made.activity("a", "echo", { when }), TypeError);
  }
  assert.throws(() => made.activity("a", "echo", { input: 1n }), TypeError);
  made.activity("a", "echo", { when: ["input.n == a b", "input.n != 1e3"] });
  assert.deepEqual(made.message.steps.at(-1)?.conditions.map((found) => found.value), ['"a b"', "1e3"]);
});

// Protocol Buffers (proto3), as much of it as `proto/` uses: driven by one table for each message, no dependency.
// Unknown fields are passed over and not kept: a client never re-encodes what it has received.

/** How a field is written; a function names another message, `enum` is an open int32. */
export type FieldType =
  | "double" | "float" | "int32" | "uint32" | "int64" | "uint64" | "bool" | "string" | "bytes" | "enum"
  | (() => MessageType<any>);

/** One field of a message. */
export interface Field {
  no: number;
  name: string;
  type: FieldType;
  repeated?: boolean;
  optional?: boolean;
  oneof?: string;
}

/** What a message may be made from: any of its fields, nested ones likewise. */
export type Init<T> = { [K in keyof T]?: InitValue<T[K]> };
type InitValue<V> = V extends Uint8Array | bigint | number | string | boolean | undefined
  ? V
  : V extends (infer E)[]
    ? InitValue<E>[]
    : V extends { case: infer C; value: infer X }
      ? { case: C; value: InitValue<X> }
      : Init<V>;

/** Makes, writes and reads messages of one type. */
export interface MessageType<T> {
  readonly typeName: string;
  /** A message with these fields; the rest have their defaults. */
  create(init?: Init<T>): T;
  /** The bytes of a message. */
  encode(value: Init<T>): Uint8Array;
  /** The message in some bytes. Throws WireError if they are not one. */
  decode(data: Uint8Array): T;
}

/** Bytes that are not the message they should be, or a value that does not fit its field. */
export class WireError extends Error {
  override name = "WireError";
}

type Values = Record<string, any>;
const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Nesting that a message may have; the schema itself has less. */
const MAX_DEPTH = 32;

/** A message type from its table. */
export function message<T>(typeName: string, fields: readonly Field[]): MessageType<T> {
  return new Table(typeName, fields) as unknown as MessageType<T>;
}

class Table {
  private readonly byNumber = new Map<number, Field>();

  constructor(readonly typeName: string, private readonly fields: readonly Field[]) {
    for (const field of fields) this.byNumber.set(field.no, field);
  }

  create(init: Values = {}): Values {
    const made: Values = {};
    for (const field of this.fields) {
      if (field.oneof !== undefined) {
        const union = init[field.oneof];
        if (union?.case === field.name) made[field.oneof] = { case: field.name, value: this.whole(field, union.value) };
        continue;
      }
      const given = init[field.name];
      if (field.repeated) made[field.name] = (given ?? []).map((entry: any) => this.whole(field, entry));
      else if (given !== undefined) made[field.name] = this.whole(field, given);
      else if (!field.optional && typeof field.type !== "function") made[field.name] = zero(field.type);
    }
    return made;
  }

  private whole(field: Field, value: any): any {
    return typeof field.type === "function" ? field.type().create(value) : value;
  }

  encode(value: Values): Uint8Array {
    const writer = new Writer();
    this.write(writer, value);
    return writer.finish();
  }

  write(writer: Writer, value: Values): void {
    for (const field of this.fields) {
      if (field.oneof !== undefined) {
        const union = value[field.oneof];
        if (union?.case === field.name) this.writeField(writer, field, union.value);
        continue;
      }
      const held = value[field.name];
      if (held === undefined || held === null) continue;
      if (field.repeated) this.writeRepeated(writer, field, held);
      else if (field.optional || !isZero(field.type, held)) this.writeField(writer, field, held);
    }
  }

  private writeRepeated(writer: Writer, field: Field, values: any[]): void {
    if (values.length === 0) return;
    if (typeof field.type === "function" || field.type === "string" || field.type === "bytes") {
      for (const value of values) this.writeField(writer, field, value);
      return;
    }
    const packed = new Writer();
    for (const value of values) writeScalar(packed, field, value);
    writer.tag(field.no, 2);
    writer.bytes(packed.finish());
  }

  private writeField(writer: Writer, field: Field, value: any): void {
    if (typeof field.type === "function") {
      writer.tag(field.no, 2);
      writer.bytes(field.type().encode(value));
      return;
    }
    writer.tag(field.no, wireType(field.type));
    writeScalar(writer, field, value);
  }

  decode(data: Uint8Array): Values {
    return this.read(new Reader(data, 0, data.length), 0);
  }

  private read(reader: Reader, depth: number): Values {
    if (depth > MAX_DEPTH) throw new WireError(`${this.typeName}: nested too deeply`);
    const made = this.create();
    while (!reader.done) {
      const tag = reader.uint32();
      const field = this.byNumber.get(tag >>> 3);
      const wire = tag & 7;
      if (tag >>> 3 === 0) throw new WireError(`${this.typeName}: field number 0`);
      if (field === undefined) {
        reader.skip(wire);
        continue;
      }
      if (typeof field.type === "function") {
        if (wire !== 2) throw new WireError(`${this.typeName}.${field.name}: wire type ${wire}`);
        const type = field.type() as unknown as Table;
        put(made, field, type.read(reader.sub(), depth + 1));
      } else if (wire === 2 && wireType(field.type) !== 2) {
        if (!field.repeated) throw new WireError(`${this.typeName}.${field.name}: wire type ${wire}`);
        const packed = reader.sub();
        while (!packed.done) put(made, field, readScalar(packed, field.type));
      } else {
        if (wire !== wireType(field.type)) throw new WireError(`${this.typeName}.${field.name}: wire type ${wire}`);
        put(made, field, readScalar(reader, field.type));
      }
    }
    return made;
  }
}

function put(made: Values, field: Field, value: any): void {
  if (field.oneof !== undefined) made[field.oneof] = { case: field.name, value };
  else if (field.repeated) made[field.name].push(value);
  else made[field.name] = value;
}

type Scalar = Exclude<FieldType, Function>;

function zero(type: Scalar): any {
  switch (type) {
    case "int64":
    case "uint64":
      return 0n;
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    default:
      return 0;
  }
}

function isZero(type: FieldType, value: any): boolean {
  if (typeof type === "function") return false;
  if (type === "string" || type === "bytes") return value.length === 0;
  if (type === "int64" || type === "uint64") return BigInt(value) === 0n;
  return value === 0 ? !Object.is(value, -0) : value === false;
}

function wireType(type: Scalar): number {
  switch (type) {
    case "double":
      return 1;
    case "float":
      return 5;
    case "string":
    case "bytes":
      return 2;
    default:
      return 0;
  }
}

function writeScalar(writer: Writer, field: Field, value: any): void {
  switch (field.type) {
    case "double":
      return writer.double(value);
    case "float":
      return writer.float(value);
    case "bool":
      return writer.varint(value ? 1n : 0n);
    case "string":
      return writer.bytes(utf8.encode(value));
    case "bytes":
      return writer.bytes(value);
    case "uint32":
      check(field, value, 0, 0xffff_ffff);
      return writer.varint(BigInt(value));
    case "int32":
    case "enum":
      check(field, value, -0x8000_0000, 0x7fff_ffff);
      return writer.varint(BigInt.asUintN(64, BigInt(value)));
    case "uint64":
      if (BigInt.asUintN(64, BigInt(value)) !== BigInt(value)) throw new WireError(`${field.name}: ${value} is no uint64`);
      return writer.varint(BigInt(value));
    case "int64":
      if (BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) throw new WireError(`${field.name}: ${value} is no int64`);
      return writer.varint(BigInt.asUintN(64, BigInt(value)));
  }
}

function check(field: Field, value: any, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new WireError(`${field.name}: ${value} is not a whole number from ${low} to ${high}`);
  }
}

function readScalar(reader: Reader, type: Scalar): any {
  switch (type) {
    case "double":
      return reader.double();
    case "float":
      return reader.float();
    case "bool":
      return reader.varint() !== 0n;
    case "string":
      try {
        return strictUtf8.decode(reader.view());
      } catch {
        throw new WireError("a string that is not UTF-8");
      }
    case "bytes":
      return new Uint8Array(reader.view());
    case "uint32":
      return Number(BigInt.asUintN(32, reader.varint()));
    case "int32":
    case "enum":
      return Number(BigInt.asIntN(32, reader.varint()));
    case "uint64":
      return reader.varint();
    case "int64":
      return BigInt.asIntN(64, reader.varint());
  }
}

class Writer {
  private buffer = new Uint8Array(128);
  private at = 0;

  private room(more: number): void {
    if (this.at + more <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.at + more));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
  }

  tag(no: number, wire: number): void {
    this.small(no * 8 + wire);
  }

  private small(value: number): void {
    this.room(5);
    while (value > 0x7f) {
      this.buffer[this.at++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    this.buffer[this.at++] = value;
  }

  varint(value: bigint): void {
    if (value <= 0x7fff_ffffn) return this.small(Number(value));
    this.room(10);
    while (value > 0x7fn) {
      this.buffer[this.at++] = Number(value & 0x7fn) | 0x80;
      value >>= 7n;
    }
    this.buffer[this.at++] = Number(value);
  }

  bytes(data: Uint8Array): void {
    this.small(data.length);
    this.room(data.length);
    this.buffer.set(data, this.at);
    this.at += data.length;
  }

  double(value: number): void {
    this.room(8);
    new DataView(this.buffer.buffer).setFloat64(this.at, value, true);
    this.at += 8;
  }

  float(value: number): void {
    this.room(4);
    new DataView(this.buffer.buffer).setFloat32(this.at, value, true);
    this.at += 4;
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.at);
  }
}

class Reader {
  constructor(private readonly data: Uint8Array, private at: number, private readonly end: number) {}

  get done(): boolean {
    return this.at >= this.end;
  }

  private byte(): number {
    if (this.at >= this.end) throw new WireError("cut off");
    return this.data[this.at++] as number;
  }

  uint32(): number {
    const value = this.varint();
    if (value > 0xffff_ffffn) throw new WireError("a number that does not fit 32 bits");
    return Number(value);
  }

  varint(): bigint {
    let low = 0;
    let byte = 0;
    // Four bytes fit a small integer; most numbers end here.
    for (let shift = 0; shift < 28; shift += 7) {
      byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError("a varint of more than ten bytes");
  }

  private take(size: number): number {
    if (size > this.end - this.at) throw new WireError("cut off");
    const start = this.at;
    this.at += size;
    return start;
  }

  view(): Uint8Array {
    const size = this.uint32();
    const start = this.take(size);
    return this.data.subarray(start, start + size);
  }

  sub(): Reader {
    const size = this.uint32();
    const start = this.take(size);
    return new Reader(this.data, start, start + size);
  }

  double(): number {
    const start = this.take(8);
    return new DataView(this.data.buffer, this.data.byteOffset + start, 8).getFloat64(0, true);
  }

  float(): number {
    const start = this.take(4);
    return new DataView(this.data.buffer, this.data.byteOffset + start, 4).getFloat32(0, true);
  }

  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.take(8);
    else if (wire === 5) this.take(4);
    else if (wire === 2) this.view();
    else throw new WireError(`wire type ${wire}`);
  }
}

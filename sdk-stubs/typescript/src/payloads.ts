// Values as payloads: JSON by default, raw bytes as they are, protobuf by its type; and a hook for encryption.

import type { Init, MessageType } from "./wire.js";
import { Payload } from "./v1/messages.js";

/** A payload in an encoding of its own: passed on as it is, both ways. */
export class RawPayload {
  constructor(readonly payload: Payload) {}

  /** The message in a payload of encoding `protobuf`. Throws if it is of another encoding. */
  message<T>(type: MessageType<T>): T {
    if (this.payload.encoding !== "protobuf") {
      throw new TypeError(`a payload of encoding ${this.payload.encoding}, not protobuf`);
    }
    return type.decode(this.payload.data);
  }
}

/** A protobuf message as a value for `start`, `signal`, an activity's result and so on. */
export function protobuf<T>(type: MessageType<T>, value: Init<T>): RawPayload {
  const metadata = [{ key: "type", value: type.typeName }];
  return new RawPayload(Payload.create({ encoding: "protobuf", data: type.encode(value), metadata }));
}

/** Turns values into payloads and back. */
export interface PayloadConverter {
  encode(value: unknown): Payload;
  decode(payload: Payload): unknown;
}

/**
 * Changes payloads on their way out and back in, as an encryption does: the server sees only what `encode` made.
 * `encoding` may be changed; what else is needed to get back goes into `metadata`.
 */
export interface PayloadCodec {
  encode(payload: Payload): Payload | Promise<Payload>;
  decode(payload: Payload): Payload | Promise<Payload>;
}

/** JSON for everything but `Uint8Array` (encoding `bytes`) and `RawPayload` (as it is). */
export const jsonConverter: PayloadConverter = {
  encode(value: unknown): Payload {
    if (value instanceof RawPayload) return value.payload;
    if (value instanceof Uint8Array) return Payload.create({ encoding: "bytes", data: value });
    const text = JSON.stringify(value ?? null);
    if (text === undefined) throw new TypeError(`a ${typeof value} cannot be written as JSON`);
    return Payload.create({ encoding: "json", data: new TextEncoder().encode(text) });
  },
  decode(payload: Payload): unknown {
    if (payload.encoding === "" && payload.data.length === 0) return undefined;
    if (payload.encoding === "json") return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload.data));
    if (payload.encoding === "bytes") return payload.data;
    return new RawPayload(payload);
  },
};

/** Converter and codec together. */
export class Values {
  constructor(
    private readonly converter: PayloadConverter = jsonConverter,
    private readonly codec: PayloadCodec | undefined = undefined,
  ) {}

  /** A value as it goes to the server. */
  async encode(value: unknown): Promise<Payload> {
    const payload = this.converter.encode(value);
    return this.codec === undefined ? payload : this.codec.encode(payload);
  }

  /** A value as it came from the server; undefined for none. */
  async decode(payload: Payload | undefined): Promise<any> {
    if (payload === undefined || (payload.encoding === "" && payload.data.length === 0)) return undefined;
    return this.converter.decode(this.codec === undefined ? payload : await this.codec.decode(payload));
  }
}

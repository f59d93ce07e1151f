// Frames: twelve bytes of header and a body, no I/O.
//
//    0        4      5      6        8            12
//    | length | kind | flags| method | stream id  | body ...            big endian

/** What a frame is. */
export enum Kind {
  HELLO = 1, WELCOME = 2, REQUEST = 3, RESPONSE = 4, ERROR = 5, ITEM = 6,
  END = 7, CANCEL = 8, CREDIT = 9, PING = 10, PONG = 11, GOAWAY = 12,
}

/** Bytes that `length` counts beside the body. */
export const OVERHEAD = 8;
export const HEADER = 12;
/** Largest `length` until WELCOME says otherwise. */
export const MAX_FRAME = 65_536;
export const MAX_MESSAGE = 4 * 1024 * 1024;
export const WINDOW_ITEMS = 64;
export const WINDOW_BYTES = 256 * 1024;
/** Flag: the message continues in the next frame of the same stream. */
const MORE = 2;

/** The peer's bytes are not frames; the connection must be closed. */
export class FrameError extends Error {
  override name = "FrameError";
}

export interface Frame {
  kind: Kind;
  more: boolean;
  method: number;
  stream: number;
  body: Uint8Array;
}

/** One frame as bytes. */
export function encodeFrame(
  kind: Kind, stream: number, body: Uint8Array = new Uint8Array(0), method = 0, more = false,
): Uint8Array {
  const made = new Uint8Array(HEADER + body.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, body.length + OVERHEAD);
  view.setUint8(4, kind);
  view.setUint8(5, more ? MORE : 0);
  view.setUint16(6, method);
  view.setUint32(8, stream);
  made.set(body, HEADER);
  return made;
}

/** A message as one or more frames; all but the last say that more follows. */
export function* fragments(
  kind: Kind, stream: number, body: Uint8Array, method = 0, maxFrame = MAX_FRAME,
): Generator<Uint8Array> {
  const size = maxFrame - OVERHEAD;
  if (body.length <= size) {
    yield encodeFrame(kind, stream, body, method);
    return;
  }
  for (let at = 0; at < body.length; at += size) {
    yield encodeFrame(kind, stream, body.subarray(at, at + size), method, at + size < body.length);
  }
}

/** The body of a CREDIT frame. */
export function credit(items: number, bytes: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setUint32(0, items);
  new DataView(body.buffer).setUint32(4, bytes);
  return body;
}

/** Reads the body of a CREDIT frame. */
export function readCredit(body: Uint8Array): [items: number, bytes: number] {
  if (body.length !== 8) throw new FrameError("CREDIT has 8 bytes");
  const view = new DataView(body.buffer, body.byteOffset, 8);
  return [view.getUint32(0), view.getUint32(4)];
}

/** Cuts a byte stream into frames. Holds at most one partial frame. */
export class Parser {
  private parts: Uint8Array[] = [];
  private held = 0;

  constructor(public maxFrame = MAX_FRAME) {}

  /** Frames that are complete now. Throws FrameError for a bad length, an unknown kind or an unknown flag. */
  feed(data: Uint8Array): Frame[] {
    this.parts.push(data);
    this.held += data.length;
    const made: Frame[] = [];
    while (this.held >= HEADER) {
      const head = this.joined(HEADER);
      const view = new DataView(head.buffer, head.byteOffset, HEADER);
      const length = view.getUint32(0);
      if (length < OVERHEAD || length > this.maxFrame) {
        throw new FrameError(`a frame of length ${length} (${OVERHEAD} to ${this.maxFrame} are allowed)`);
      }
      const kind = view.getUint8(4);
      const flags = view.getUint8(5);
      if ((flags & ~MORE) !== 0) throw new FrameError(`unknown frame flags ${flags}`);
      if (Kind[kind] === undefined) throw new FrameError(`unknown frame kind ${kind}`);
      const whole = 4 + length;
      if (this.held < whole) break;
      const bytes = this.joined(whole);
      made.push({
        kind, more: (flags & MORE) !== 0, method: view.getUint16(6), stream: view.getUint32(8),
        body: bytes.subarray(HEADER, whole),
      });
      const rest = bytes.subarray(whole);
      this.held -= whole;
      this.parts[0] = rest;
      if (rest.length === 0) this.parts.shift();
    }
    return made;
  }

  /** The first part, made at least `size` bytes long. */
  private joined(size: number): Uint8Array {
    const first = this.parts[0] as Uint8Array;
    if (first.length >= size) return first;
    const all = new Uint8Array(this.held);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    this.parts = [all];
    return all;
  }
}

/** Joins the frames of messages of one stream, within a limit. */
export class Assembler {
  private kind: Kind | undefined;
  private parts: Uint8Array[] = [];
  private size = 0;

  constructor(private readonly maxMessage = MAX_MESSAGE) {}

  /** The whole message, or undefined while it is incomplete. */
  add(frame: Frame): Uint8Array | undefined {
    if (this.kind === undefined && !frame.more) return frame.body;
    if (this.kind !== undefined && frame.kind !== this.kind) {
      // Only an ERROR may cut off a message that was under way.
      if (frame.kind !== Kind.ERROR) throw new FrameError(`${Kind[frame.kind]} within another message of the stream`);
      this.parts = [];
      this.size = 0;
    }
    this.kind = frame.kind;
    this.size += frame.body.length;
    if (this.size > this.maxMessage) throw new FrameError(`a message of more than ${this.maxMessage} bytes`);
    this.parts.push(frame.body);
    if (frame.more) return undefined;
    const made = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      made.set(part, at);
      at += part.length;
    }
    this.kind = undefined;
    this.parts = [];
    this.size = 0;
    return made;
  }
}

// One connection: TLS, HELLO and WELCOME, calls and streams side by side.

import * as net from "node:net";
import * as os from "node:os";
import * as tls from "node:tls";
import { ConnectionLost, NotProcessed, StatusError } from "./errors.js";
import {
  Assembler, credit, encodeFrame, fragments, type Frame, FrameError, Kind, MAX_FRAME, MAX_MESSAGE, OVERHEAD, Parser,
  readCredit, WINDOW_BYTES, WINDOW_ITEMS,
} from "./frames.js";
import type { DuplexStream, Method } from "./rpc.js";
import { GoAway, Hello, Status, StatusCode, StreamCancel, Welcome } from "./v1/messages.js";
import type { Init } from "./wire.js";

const ALPN = "saga/1";
export const SDK_VERSION = "0.1.0";
const PING_AFTER_MS = 20_000;
const CLOSE_AFTER_MS = 60_000;

/** Where and how to connect. */
export interface ConnectOptions {
  /** Default `localhost`. */
  host?: string;
  /** Default 7233. */
  port?: number;
  /** PEM text of the certificates to trust. Default: those that Node.js trusts. */
  ca?: string | Uint8Array | undefined;
  /** PEM text of the client's certificate, if the server asks for one. */
  cert?: string | Uint8Array | undefined;
  /** PEM text of its private key. */
  key?: string | Uint8Array | undefined;
  /** Name that the server's certificate must carry. Default: `host`. */
  serverName?: string | undefined;
  /** Access token, `<key id>.<secret>`. */
  token?: string | undefined;
  /** What workflow ids are unique in. Default: the server's. */
  namespace?: string | undefined;
  /** True: plain text. The server must allow it, and `host` must be loopback. */
  insecure?: boolean | undefined;
  /** Milliseconds until the server's welcome. Default 10,000. */
  connectTimeoutMs?: number | undefined;
}

/** A call or stream. */
export class Stream<Req, Res> implements DuplexStream<Req, Res> {
  private readonly assembler: Assembler;
  private readonly inbox: { message: Res; size: number }[] = [];
  private waiting: (() => void)[] = [];
  private over: Error | undefined;
  private endedByPeer = false;
  private endedByUs: boolean;
  private sendItems: number;
  private sendBytes: number;
  private consumedItems = 0;
  private consumedBytes = 0;
  /** Settles when all frames of what is being sent are written; sends follow one another. */
  private sending: Promise<void> = Promise.resolve();
  /** Called when nothing more comes or goes: at the end, a cancel or a loss. */
  whenOver: (() => void) | undefined;

  constructor(private readonly connection: Connection, readonly id: number, private readonly method: Method<Req, Res>) {
    this.assembler = new Assembler(connection.maxMessage);
    this.endedByUs = !method.clientStreaming;
    [this.sendItems, this.sendBytes] = connection.window;
  }

  /** The first message, with the REQUEST frame. Its first frame leaves at once: ids must increase on the wire. */
  open(body: Uint8Array): void {
    this.sending = this.connection.sendMessage(Kind.REQUEST, this.id, body, this.method.number).catch(() => undefined);
  }

  send(item: Init<Req>): Promise<void> {
    const body = this.method.request.encode(item);
    const sent = this.sending.then(async () => {
      while (this.over === undefined && (this.sendItems <= 0 || this.sendBytes <= 0)) await this.changed();
      if (this.over !== undefined) throw this.over;
      if (this.endedByUs) throw new TypeError("the stream is half-closed");
      this.sendItems -= 1;
      this.sendBytes -= body.length;
      await this.connection.sendMessage(Kind.ITEM, this.id, body);
    });
    this.sending = sent.catch(() => undefined);
    return sent;
  }

  async receive(): Promise<Res | undefined> {
    for (;;) {
      const next = this.inbox.shift();
      if (next !== undefined) {
        this.consume(next.size);
        return next.message;
      }
      if (this.over !== undefined) throw this.over;
      if (this.endedByPeer) return undefined;
      await this.changed();
    }
  }

  async end(): Promise<void> {
    await this.sending;
    if (this.endedByUs || this.over !== undefined) return;
    this.endedByUs = true;
    await this.connection.send(encodeFrame(Kind.END, this.id));
    this.forgetIfOver();
  }

  /** Ends both directions. Never undoes what the call has changed. */
  cancel(reason = ""): void {
    if (this.connection.forget(this)) {
      // Half a message would be the end of the connection: the rest of it leaves first.
      void this.sending.then(() => {
        this.connection.write(encodeFrame(Kind.CANCEL, this.id, StreamCancel.encode({ reason })));
        this.connection.closeIfDrained();
      });
    }
    this.close(new StatusError(StatusCode.CANCELLED, reason || "cancelled here"));
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Res> {
    try {
      for (let item = await this.receive(); item !== undefined; item = await this.receive()) yield item;
    } finally {
      this.cancel("no longer wanted");
    }
  }

  /** One frame of this stream. */
  take(frame: Frame): void {
    if (frame.kind === Kind.CREDIT) {
      const [items, bytes] = readCredit(frame.body);
      this.sendItems += items;
      this.sendBytes += bytes;
      return this.wake();
    }
    if (frame.kind === Kind.END) {
      this.endedByPeer = true;
      this.forgetIfOver();
      return this.wake();
    }
    if (frame.kind === Kind.CANCEL) {
      this.connection.forget(this);
      return this.close(new StatusError(StatusCode.CANCELLED, StreamCancel.decode(frame.body).reason));
    }
    const body = this.assembler.add(frame);
    if (body === undefined) return;
    if (frame.kind === Kind.ERROR) {
      this.connection.forget(this);
      return this.close(StatusError.fromMessage(Status.decode(body)));
    }
    // After items a RESPONSE says nothing but that there are no more.
    if (frame.kind !== Kind.RESPONSE || !this.method.serverStreaming) {
      this.inbox.push({ message: this.method.response.decode(body), size: body.length });
    }
    if (frame.kind === Kind.RESPONSE) {
      this.endedByPeer = true;
      this.endedByUs = true;
      this.forgetIfOver();
    }
    this.wake();
  }

  close(error: Error): void {
    this.over ??= error;
    this.whenOver?.();
    this.wake();
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resume of waiting) resume();
  }

  private forgetIfOver(): void {
    if (!this.endedByUs || !this.endedByPeer) return;
    this.connection.forget(this);
    this.whenOver?.();
  }

  /** Grants the window again in halves. */
  private consume(size: number): void {
    if (!this.method.serverStreaming || this.endedByPeer || this.over !== undefined) return;
    this.consumedItems += 1;
    this.consumedBytes += size;
    if (this.consumedItems >= WINDOW_ITEMS / 2 || this.consumedBytes >= WINDOW_BYTES / 2) {
      this.connection.write(encodeFrame(Kind.CREDIT, this.id, credit(this.consumedItems, this.consumedBytes)));
      this.consumedItems = this.consumedBytes = 0;
    }
  }
}

/** A connection that has said HELLO and was welcomed. */
export class Connection {
  maxMessage = MAX_MESSAGE;
  window: [items: number, bytes: number] = [WINDOW_ITEMS, WINDOW_BYTES];
  welcome: Welcome = Welcome.create();
  goingAway: GoAway | undefined;
  /** Why the connection has ended; undefined while it has not. */
  lost: ConnectionLost | undefined;
  private maxFrame = MAX_FRAME;
  private maxStreams = 256;
  private readonly parser = new Parser();
  private readonly streams = new Map<number, Stream<any, any>>();
  private lastStream = 0;
  private lastSent = Date.now();
  private lastReceived = Date.now();
  private keepAlive: NodeJS.Timeout | undefined;
  private welcomed: ((frame: Frame) => void) | undefined;
  private drained: Promise<void> | undefined;
  private readonly closing: ((error: ConnectionLost) => void)[] = [];

  private constructor(private readonly socket: net.Socket) {
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => this.received(data));
    socket.on("error", (error: Error) => this.lose(new ConnectionLost(error.message)));
    socket.on("close", () => this.lose(new ConnectionLost("the server closed the connection")));
  }

  /** Connects, checks the server's certificate and name, says HELLO and waits for WELCOME. */
  static async open(options: ConnectOptions): Promise<Connection> {
    const host = options.host ?? "localhost";
    const port = options.port ?? 7233;
    const where = `${host}:${port}`;
    if (options.insecure && !isLoopback(host)) throw new TypeError("insecure is for loopback only; give a ca instead");
    const socket = options.insecure ? net.connect({ host, port }) : tls.connect(tlsOptions(host, port, options));
    const limit = options.connectTimeoutMs ?? 10_000;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Connection>((resolve, reject) => {
        timer = setTimeout(() => reject(new ConnectionLost(`${where}: no welcome within ${limit} ms`)), limit);
        socket.once("error", (error: Error) => reject(new ConnectionLost(`${where}: ${error.message}`)));
        socket.once(options.insecure ? "connect" : "secureConnect", () => {
          if (socket instanceof tls.TLSSocket && socket.alpnProtocol !== ALPN) {
            return reject(new ConnectionLost(`${where} does not speak ${ALPN}`));
          }
          const connection = new Connection(socket);
          connection.hello(options).then(() => resolve(connection), reject);
        });
      });
    } catch (error) {
      socket.on("error", () => undefined);
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private async hello(options: ConnectOptions): Promise<void> {
    const body = Hello.encode({
      sdkName: "typescript", sdkVersion: SDK_VERSION, token: options.token ?? "", namespace: options.namespace ?? "",
      identity: identity(),
    });
    const first = await new Promise<Frame>((resolve, reject) => {
      this.welcomed = resolve;
      this.closing.push(reject);
      this.write(encodeFrame(Kind.HELLO, 0, body));
    });
    if (first.kind === Kind.ERROR) throw StatusError.fromMessage(Status.decode(first.body));
    if (first.kind !== Kind.WELCOME) throw new ConnectionLost(`${Kind[first.kind]} instead of WELCOME`);
    this.closing.length = 0;
    this.keepAlive = setInterval(() => this.tick(), 1_000);
    this.keepAlive.unref();
  }

  private greet(frame: Frame): void {
    if (frame.kind === Kind.WELCOME) {
      const welcome = (this.welcome = Welcome.decode(frame.body));
      if (welcome.maxFrame > 0) {
        this.maxFrame = Math.max(OVERHEAD + 1, welcome.maxFrame);
        this.parser.maxFrame = Math.max(MAX_FRAME, welcome.maxFrame);
      }
      if (welcome.maxMessage > 0) this.maxMessage = welcome.maxMessage;
      if (welcome.maxStreams > 0) this.maxStreams = welcome.maxStreams;
      if (welcome.initialItems > 0 && welcome.initialBytes > 0) this.window = [welcome.initialItems, welcome.initialBytes];
    }
    this.welcomed?.(frame);
    this.welcomed = undefined;
  }

  /** True while new calls may be opened. */
  get usable(): boolean {
    return this.lost === undefined && this.goingAway === undefined && this.streams.size < this.maxStreams;
  }

  /** Opens a call or stream with its first message. */
  openStream<Req, Res>(method: Method<Req, Res>, first: Init<Req>): Stream<Req, Res> {
    if (this.lost !== undefined) throw new NotProcessed(this.lost.message);
    if (this.goingAway !== undefined) throw new NotProcessed(`the server drains: ${this.goingAway.reason}`);
    const body = method.request.encode(first);
    if (body.length > this.maxMessage) {
      throw new StatusError(StatusCode.INVALID_ARGUMENT, `a message is at most ${this.maxMessage} bytes`);
    }
    this.lastStream += 1;
    const stream = new Stream(this, this.lastStream, method);
    this.streams.set(stream.id, stream);
    stream.open(body);
    return stream;
  }

  /** Closes the connection; what is under way is lost. */
  close(): void {
    this.lose(new ConnectionLost("closed here"));
  }

  // Sending

  write(data: Uint8Array): boolean {
    if (this.lost !== undefined) return true;
    this.lastSent = Date.now();
    return this.socket.write(data);
  }

  async send(data: Uint8Array): Promise<void> {
    if (this.lost !== undefined) throw this.lost;
    if (this.write(data)) return;
    this.drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        this.drained = undefined;
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.on("drain", done).on("close", done);
    });
    await this.drained;
  }

  /** Frame by frame, so that others get their turn between the parts of a large message. */
  async sendMessage(kind: Kind, stream: number, body: Uint8Array, method = 0): Promise<void> {
    for (const frame of fragments(kind, stream, body, method, this.maxFrame)) await this.send(frame);
  }

  // Receiving

  private received(data: Buffer): void {
    this.lastReceived = Date.now();
    try {
      for (const frame of this.parser.feed(data)) {
        if (this.lost !== undefined) return;
        if (this.welcomed !== undefined) this.greet(frame);
        else this.dispatch(frame);
      }
    } catch (error) {
      if (error instanceof ConnectionLost) return this.lose(error);
      this.lose(new ConnectionLost(`the server sent ${error instanceof Error ? error.message : String(error)}`));
    }
  }

  private dispatch(frame: Frame): void {
    if (frame.stream !== 0) {
      const stream = this.streams.get(frame.stream);
      if (stream !== undefined) return stream.take(frame);
      if (frame.stream > this.lastStream) throw new FrameError(`${Kind[frame.kind]} for stream ${frame.stream}, never opened`);
      return;
    }
    if (frame.kind === Kind.PING) this.write(encodeFrame(Kind.PONG, 0, frame.body));
    else if (frame.kind === Kind.GOAWAY) this.goAway(GoAway.decode(frame.body));
    else if (frame.kind === Kind.ERROR) {
      throw new ConnectionLost(`the server closed the connection: ${StatusError.fromMessage(Status.decode(frame.body)).message}`);
    }
  }

  private goAway(message: GoAway): void {
    this.goingAway = message;
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= message.lastStreamId) continue;
      this.forget(stream);
      stream.close(new NotProcessed(`the server drains: ${message.reason}`));
    }
    this.closeIfDrained();
  }

  forget(stream: Stream<any, any>): boolean {
    const known = this.streams.delete(stream.id);
    if (known) this.closeIfDrained();
    return known;
  }

  closeIfDrained(): void {
    if (this.goingAway !== undefined && this.streams.size === 0) this.lose(new ConnectionLost("drained"));
  }

  private lose(error: ConnectionLost): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    clearInterval(this.keepAlive);
    for (const stream of this.streams.values()) stream.close(error);
    this.streams.clear();
    for (const tell of this.closing) tell(error);
    this.socket.end();
    // A peer that does not answer the end of the connection holds nobody up.
    setTimeout(() => this.socket.destroy(), 1_000).unref();
  }

  private tick(): void {
    const now = Date.now();
    const closeAfter = this.welcome.closeAfterMs || CLOSE_AFTER_MS;
    const pingAfter = Math.min(this.welcome.pingAfterMs || PING_AFTER_MS, PING_AFTER_MS);
    if (now - this.lastReceived >= closeAfter) {
      this.lose(new ConnectionLost("the server was silent for too long"));
      this.socket.destroy();
    } else if (now - this.lastSent >= pingAfter) {
      this.write(encodeFrame(Kind.PING, 0, new TextEncoder().encode("saga-ts1")));
    }
  }
}

/** Who this process is, for people. */
export function identity(): string {
  return `${process.env["USER"] ?? "node"}@${os.hostname()}/${process.pid}`.slice(0, 200);
}

function tlsOptions(host: string, port: number, options: ConnectOptions): tls.ConnectionOptions {
  const name = options.serverName ?? host;
  const made: tls.ConnectionOptions = {
    host, port, minVersion: "TLSv1.3", ALPNProtocols: [ALPN], rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
  };
  if (net.isIP(name) === 0) made.servername = name;
  if (options.ca !== undefined) made.ca = Buffer.from(options.ca);
  if (options.cert !== undefined) made.cert = Buffer.from(options.cert);
  if (options.key !== undefined) made.key = Buffer.from(options.key);
  return made;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

// Calls against a peer in this process.
import { strict as assert } from "node:assert";
import { getEventListeners } from "node:events";
import * as net from "node:net";
import { test } from "node:test";
import { Client } from "../src/client.js";
import { encodeFrame, type Frame, Kind, Parser } from "../src/frames.js";
import { SubscriptionItem, Welcome } from "../src/v1/messages.js";

/** What a connection's peer can do. */
interface Peer {
  write(kind: Kind, stream?: number, body?: Uint8Array): void;
  cut(): void;
}

/** A client of a peer that takes frames one by one. */
async function against(
  take: (frame: Frame, peer: Peer, connection: number) => void, run: (client: Client) => Promise<void>,
): Promise<void> {
  let connections = 0;
  const server = net.createServer((socket) => {
    const parser = new Parser();
    const connection = ++connections;
    const peer: Peer = {
      write: (kind, stream = 0, body) => void socket.write(encodeFrame(kind, stream, body)),
      cut: () => void socket.destroy(),
    };
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => parser.feed(data).forEach((frame) => take(frame, peer, connection)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = await Client.connect({ host: "127.0.0.1", port, insecure: true });
  try {
    await run(client);
  } finally {
    client.close();
    server.close();
  }
}

const welcome = (peer: Peer): void => peer.write(Kind.WELCOME, 0, Welcome.encode({}));

/** An item with one event. */
const item = (number: number): Uint8Array =>
  SubscriptionItem.encode({ position: Uint8Array.of(number), events: [{ eventId: BigInt(number) }] });

test("a subscription that is cancelled while it connects ends", { timeout: 20_000 }, async () => {
  const gone = new AbortController();
  const opened: number[] = [];
  await against((frame, peer, connection) => {
    if (frame.kind === Kind.HELLO) {
      if (connection === 2) gone.abort(new Error("enough"));
      // The welcome comes after the cancel.
      setTimeout(() => welcome(peer), connection === 2 ? 50 : 0);
    } else if (frame.kind === Kind.REQUEST) {
      opened.push(connection);
      peer.cut();
    }
  }, async (client) => {
    await assert.rejects(client.subscribe({ signal: gone.signal }).next(), /enough/);
    assert.deepEqual(opened, [1]);
  });
  assert.equal(getEventListeners(gone.signal, "abort").length, 0);
});

test("a signal is let go of with each stream", { timeout: 20_000 }, async () => {
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, "abort").length;
  await against((frame, peer, connection) => {
    if (frame.kind === Kind.HELLO) welcome(peer);
    if (frame.kind !== Kind.REQUEST) return;
    peer.write(Kind.ITEM, frame.stream, item(connection));
    if (connection === 2) peer.write(Kind.END, frame.stream);
    else if (connection < 2) setTimeout(() => peer.cut(), 50);
  }, async (client) => {
    const feed = client.subscribe({ signal });
    for (let number = 1; number <= 2; number += 1) {
      const next = await feed.next();
      assert.equal(next.value?.position[0], number);
      assert.ok(listeners() <= 1, `${listeners()} listeners`);
    }
    // The stream has ended, the next one stands on the same connection.
    assert.equal((await feed.next()).value?.position[0], 2);
    assert.ok(listeners() <= 1, `${listeners()} listeners`);
    await feed.return(undefined as never);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(listeners(), 0);
    // The end alone does it, without a cancel.
    const stream = client.events.subscribe({}, { signal });
    assert.equal((await stream.receive())?.position[0], 2);
    assert.equal(await stream.receive(), undefined);
    assert.equal(listeners(), 0);
  });
});

test("an aborted signal ends the stream that it belongs to", { timeout: 20_000 }, async () => {
  const gone = new AbortController();
  let cancelled = 0;
  await against((frame, peer) => {
    if (frame.kind === Kind.HELLO) welcome(peer);
    else if (frame.kind === Kind.REQUEST) peer.write(Kind.ITEM, frame.stream, item(1));
    else if (frame.kind === Kind.CANCEL) cancelled += 1;
  }, async (client) => {
    const feed = client.subscribe({ signal: gone.signal });
    await feed.next();
    setTimeout(() => gone.abort(new Error("enough")), 50);
    await assert.rejects(feed.next(), /enough/);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(cancelled, 1);
  });
});

test("where a feed is without events is told in its turn", { timeout: 20_000 }, async () => {
  const empty = (number: number): Uint8Array => SubscriptionItem.encode({ position: Uint8Array.of(number) });
  await against((frame, peer) => {
    if (frame.kind === Kind.HELLO) welcome(peer);
    if (frame.kind !== Kind.REQUEST) return;
    for (const body of [empty(1), item(2), empty(3), item(4)]) peer.write(Kind.ITEM, frame.stream, body);
  }, async (client) => {
    const seen: string[] = [];
    const feed = client.subscribe({ onPosition: (position) => void seen.push(`at ${position[0]}`) });
    for (let count = 0; count < 2; count += 1) seen.push(`item ${(await feed.next()).value?.position[0]}`);
    assert.deepEqual(seen, ["at 1", "item 2", "at 3", "item 4"]);
    await feed.return(undefined as never);
  });
});

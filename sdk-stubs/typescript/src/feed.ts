// The feed of committed events, and runs on their way from one server to another.

import { Backoff, type Client, now, sleep, type Target } from "./client.js";
import { ConnectionLost, StatusError } from "./errors.js";
import type { CallOptions } from "./rpc.js";
import { type HistoryChunk, StatusCode, type SubscriptionItem } from "./v1/messages.js";
import type { Init } from "./wire.js";

/** What of the feed, and from where. */
export interface SubscribeOptions extends CallOptions {
  /** `position` of an earlier item: goes on after it. Default: from now, or from the beginning. */
  position?: Uint8Array | undefined;
  /** Without a position: from the oldest event there is. Default false. */
  fromBeginning?: boolean | undefined;
  /** Only events of these codes. Default: all. At most 64. */
  eventTypes?: number[] | undefined;
  /** Only events of sagas of these types. Default: all. At most 32. */
  workflowTypes?: string[] | undefined;
  /**
   * Called with where the feed is while nothing comes that is wanted: at its beginning, and now and then. As good a place to go on
   * from as the `position` of an item; whoever keeps it does not read again what was not wanted, and loses nothing that comes
   * before the first item. Never while an item that came before it is still to be asked for.
   */
  onPosition?: ((position: Uint8Array) => void) | undefined;
}

/** See `Client.subscribe`. */
export async function* subscribe(client: Client, options: SubscribeOptions): AsyncGenerator<SubscriptionItem, never, undefined> {
  const { eventTypes = [], workflowTypes = [], fromBeginning = false, timeoutMs = 30_000 } = options;
  let position = options.position ?? new Uint8Array(0);
  let backoff = new Backoff();
  for (let failingSince = 0; ; ) {
    let failed: unknown = new ConnectionLost("the server ended the subscription");
    try {
      for await (const item of client.events.subscribe({ position, fromBeginning, eventTypes, workflowTypes }, options)) {
        backoff = new Backoff();
        failingSince = 0;
        // Before the item is handed out: who asks for the next one has it.
        position = item.position;
        // Without events it only says how far the feed is.
        if (item.events.length > 0) yield item;
        else options.onPosition?.(position);
      }
    } catch (error) {
      failed = error;
    }
    const busy = failed instanceof StatusError && (failed.code === StatusCode.UNAVAILABLE || failed.code === StatusCode.RESOURCE_EXHAUSTED);
    failingSince ||= now();
    if (client.isClosed || !(busy || failed instanceof ConnectionLost) || now() - failingSince > timeoutMs) throw failed;
    await sleep(Math.max(backoff.next(), failed instanceof StatusError ? failed.retryAfterMs : 0), options.signal);
  }
}

/** See `Client.exportHistory`. */
export async function* exportHistory(
  client: Client, workflowId: string, options: Target,
): AsyncGenerator<HistoryChunk, void, undefined> {
  const workflow = { workflowId, sagaId: options.sagaId ?? new Uint8Array(0) };
  yield* client.workflows.exportHistory({ workflow }, options);
}

/** See `Client.importHistory`. */
export async function importHistory(
  client: Client, chunks: Iterable<Init<HistoryChunk>> | AsyncIterable<Init<HistoryChunk>>, options: CallOptions,
): Promise<{ sagaId: Uint8Array; events: bigint }> {
  let stream: Awaited<ReturnType<typeof client.workflows.importHistory>> | undefined;
  try {
    for await (const chunk of chunks) {
      // The first travels with the call itself.
      if (stream === undefined) stream = await client.workflows.importHistory({ chunk }, options);
      else await stream.send({ chunk });
    }
    if (stream === undefined) throw new TypeError("there is no chunk to import");
    return await stream.finish();
  } catch (error) {
    stream?.cancel("the import has failed");
    throw error;
  }
}

// Serves services of the travel booking, beside workers in Swift and Python; the workflow itself is served from Swift.
//
//     node travel-worker.js --address 127.0.0.1:7233 --ca .saga/ca.pem --books FOLDER --service car [--service payment]
//
// What a service really did stands in its book, FOLDER/<service>.log: one line per fact, appended and synced before the answer,
// in the same form as the Swift and Python services write it. One process serves a service at a time here.

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Activity, type ActivityContext, Client, DomainError, type UndoInput, Worker } from "../src/index.js";

interface Booking {
  rehearsal?: { step_millis?: number | null; refuse_payment?: boolean | null } | null;
}

const ACTIVITIES: Record<string, [book: string, cancel: string]> = {
  flight: ["travel.flight.book", "travel.flight.cancel"],
  hotel: ["travel.hotel.book", "travel.hotel.cancel"],
  car: ["travel.car.book", "travel.car.cancel"],
  payment: ["travel.payment.charge", "travel.payment.refund"],
};

/** One service's own record: microseconds, verb, idempotency key of the step, workflow id, reference. */
class Book {
  constructor(private readonly path: string) {}

  private entries(key: string): { verb: string; reference: string }[] {
    if (!existsSync(this.path)) return [];
    const rows = readFileSync(this.path, "utf8").split("\n").map((line) => line.split("\t"));
    return rows.filter((row) => row[2] === key).map((row) => ({ verb: row[1] ?? "", reference: row[4] ?? "" }));
  }

  private append(verb: string, key: string, workflowId: string, reference: string): void {
    const file = openSync(this.path, "a");
    try {
      writeSync(file, `${Date.now() * 1_000}\t${verb}\t${key}\t${workflowId}\t${reference}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Books under a key; the same key again gives the same reference and does nothing. */
  book(key: string, workflowId: string, reference: string): string {
    const entries = this.entries(key);
    if (entries.some((entry) => entry.verb === "cancelled")) {
      // The undo was here first and left its mark: the effect comes too late.
      this.append("refused", key, workflowId, "-");
      throw new DomainError(`the step with key ${key} was cancelled before it was done`, { code: "AlreadyCancelled" });
    }
    const known = entries.find((entry) => entry.verb === "booked");
    if (known !== undefined) return known.reference;
    this.append("booked", key, workflowId, reference);
    return reference;
  }

  /** Cancels what was booked under a key, and leaves a mark there, so that a late booking is refused. */
  cancel(key: string, workflowId: string): string | null {
    const entries = this.entries(key);
    const booked = entries.find((entry) => entry.verb === "booked")?.reference ?? null;
    if (!entries.some((entry) => entry.verb === "cancelled")) this.append("cancelled", key, workflowId, booked ?? "-");
    return booked;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function service(name: string, folder: string): Record<string, Activity> {
  const book = new Book(`${folder}/${name}.log`);
  const [bookType, cancelType] = ACTIVITIES[name] ?? [];
  if (bookType === undefined || cancelType === undefined) throw new Error(`there is no service ${name}`);
  return {
    [bookType]: async (context: ActivityContext, request: Booking) => {
      await pause(request.rehearsal?.step_millis ?? 0);
      if (name === "payment" && request.rehearsal?.refuse_payment) {
        throw new DomainError("the card was refused", { code: "PaymentRefused" });
      }
      const reference = `${name[0]?.toUpperCase()}-${(Date.now() * 1_000) % 100_000_000}`;
      return { reference: book.book(context.idempotencyKey, context.workflowId, reference) };
    },
    [cancelType]: async (context: ActivityContext, undo: UndoInput<Booking>) => {
      await pause(undo.input.rehearsal?.step_millis ?? 0);
      return { reference: book.cancel(undo.idempotencyKey, context.workflowId) };
    },
  };
}

const { values } = parseArgs({
  options: {
    address: { type: "string", default: "127.0.0.1:7233" },
    ca: { type: "string" },
    books: { type: "string" },
    service: { type: "string", multiple: true },
  },
});
if (values.books === undefined) throw new Error("--books FOLDER is needed");
const [host, port] = (values.address ?? "").split(":");
const client = await Client.connect({
  host: host as string, port: Number(port), ca: values.ca === undefined ? undefined : readFileSync(values.ca),
  insecure: values.ca === undefined,
});
let activities: Record<string, Activity> = {};
for (const name of values.service ?? ["car"]) activities = { ...activities, ...service(name, values.books) };
const worker = new Worker(client, { taskQueues: ["default"], activities });
// No new task; what runs is finished and reported.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => worker.stop());
await worker.run();
client.close();

// Sagas as data: built here, run by the server with no workflow worker.

import {
  ConditionOp, RetryPolicy, SagaDefinition as SagaDefinitionMessage, UndoFailedStep,
} from "./v1/messages.js";
import type { Init } from "./wire.js";

type StepInit = Init<SagaDefinitionMessage["steps"][number]>;
type TemplateInit = NonNullable<Init<SagaDefinitionMessage>["output"]>;

const COMPARISONS: Record<string, ConditionOp> = {
  "==": ConditionOp.EQUAL, "!=": ConditionOp.NOT_EQUAL, "<": ConditionOp.LESS, "<=": ConditionOp.LESS_OR_EQUAL,
  ">": ConditionOp.GREATER, ">=": ConditionOp.GREATER_OR_EQUAL,
};
const FAILED_STEP = {
  never: UndoFailedStep.NEVER, if_unknown: UndoFailedStep.IF_UNKNOWN, always: UndoFailedStep.ALWAYS,
};

/** A step of a definition. */
export class StepRef {
  constructor(readonly id: string) {}

  /** A reference to what the step returned, or to a part of it. */
  output(path = ""): string {
    return "${steps." + this.id + ".output" + (path === "" ? "" : "." + path) + "}";
  }
}

/** How a step is undone, where an activity's name is not enough. */
export interface UndoOptions {
  activity: string;
  /** Comes to the undo as `UndoInput.data`; may also refer to `${output...}`, `${outcome}` and `${key}` of the step. */
  input?: unknown;
  taskQueue?: string;
  /** Whether a step that failed is undone. Default: if its outcome is unknown. */
  failedStep?: "never" | "if_unknown" | "always";
  /** Activity that finds out whether a step of unknown outcome happened. */
  probe?: string;
}

/** When a step is left out: unless all hold, such as `input.n > 3` or `steps.pay.output.state exists`. */
export interface Conditional {
  when?: string | readonly string[];
}

/** An activity's options; `input` is the start input if not given. */
export interface ActivityStepOptions extends Conditional {
  input?: unknown;
  undo?: string | UndoOptions;
  taskQueue?: string;
  /** Attempts in all. Default 3. */
  attempts?: number;
  /** Milliseconds that an attempt may take. Default 300,000. */
  timeoutMs?: number;
  /** When it completes, earlier steps are not undone any more. */
  pivot?: boolean;
}

/**
 * A saga as data. `message` is what goes over the wire; `client.registerDefinition` sends it.
 *
 *     const trip = new SagaDefinition("trip", { taskQueue: "travel" });
 *     const flight = trip.activity("flight", "bookFlight", { undo: "cancelFlight" });
 *     trip.parallel(() => {
 *       trip.activity("hotel", "bookHotel", { input: { nights: "${input.nights}" }, undo: "cancelHotel" });
 *       trip.activity("car", "bookCar", { input: { flight: flight.output("number") }, undo: "cancelCar" });
 *     });
 *     trip.returns({ flight: flight.output("number") });
 *
 * Texts in inputs refer to values: `${input.path}`, `${steps.ID.output.path}`, `${path ?? default}`.
 */
export class SagaDefinition {
  private readonly steps: StepInit[] = [];
  private output: TemplateInit | undefined;
  private group = "";
  private groups = 0;

  constructor(
    readonly name: string,
    private readonly options: { taskQueue?: string; timeoutMs?: number; description?: string } = {},
  ) {}

  /** What goes over the wire. */
  get message(): SagaDefinitionMessage {
    return SagaDefinitionMessage.create({
      name: this.name, taskQueue: this.options.taskQueue ?? "", description: this.options.description ?? "",
      executionTimeoutUs: micros(this.options.timeoutMs), steps: this.steps, output: this.output,
    });
  }

  /** Steps made in `body` run at the same time. */
  parallel(body: () => void): void {
    this.groups += 1;
    this.group = `parallel ${this.groups}`;
    try {
      body();
    } finally {
      this.group = "";
    }
  }

  /** Runs an activity. */
  activity(id: string, activityType: string, options: ActivityStepOptions = {}): StepRef {
    const undo = typeof options.undo === "string" ? { activity: options.undo } : options.undo;
    return this.add(id, options, {
      case: "activity",
      value: {
        activityType, taskQueue: options.taskQueue ?? "", pivot: options.pivot ?? false,
        input: options.input === undefined ? undefined : template(options.input),
        retry: options.attempts === undefined ? undefined : retry(options.attempts),
        timeouts: options.timeoutMs ? { startToCloseUs: micros(options.timeoutMs) } : undefined,
        undo: undo && {
          activityType: undo.activity, taskQueue: undo.taskQueue ?? "", probeActivityType: undo.probe ?? "",
          undoFailedStep: FAILED_STEP[undo.failedStep ?? "if_unknown"],
        },
        undoInput: undo?.input === undefined ? "" : JSON.stringify(undo.input),
      },
    });
  }

  /** Waits for a signal; its data is the step's output. When `withinMs` passes, the saga fails. */
  signal(id: string, name: string, options: Conditional & { withinMs?: number } = {}): StepRef {
    return this.add(id, options, { case: "signal", value: { name, timeoutUs: micros(options.withinMs) } });
  }

  /** Waits so many milliseconds. */
  timer(id: string, delayMs: number, options: Conditional = {}): StepRef {
    return this.add(id, options, { case: "timer", value: { delayUs: micros(delayMs) } });
  }

  /** Runs another workflow or definition as a part of this saga. */
  child(
    id: string, workflowType: string, options: Conditional & { input?: unknown; taskQueue?: string } = {},
  ): StepRef {
    const input = options.input === undefined ? undefined : template(options.input);
    return this.add(id, options, { case: "child", value: { workflowType, taskQueue: options.taskQueue ?? "", input } });
  }

  /** What the saga returns; without this, the outputs of its steps by their ids. */
  returns(value: unknown): void {
    this.output = template(value);
  }

  private add(id: string, { when }: Conditional, kind: NonNullable<StepInit["kind"]>): StepRef {
    const texts = when === undefined ? [] : typeof when === "string" ? [when] : when;
    this.steps.push({ id, group: this.group, conditions: texts.map(condition), kind });
    return new StepRef(id);
  }
}

function micros(millis = 0): bigint {
  return BigInt(Math.round(millis * 1_000));
}

function template(value: unknown): TemplateInit {
  return value === "${input}"
    ? { source: { case: "startInput", value: true } }
    : { source: { case: "template", value: JSON.stringify(value) } };
}

function retry(attempts: number): Init<RetryPolicy> {
  return {
    maximumAttempts: attempts, initialIntervalUs: 1_000_000n, backoffCoefficient: 2, maximumIntervalUs: 60_000_000n,
    jitter: 0.1,
  };
}

function condition(text: string): { path: string; op: ConditionOp; value: string } {
  const [, path, word, rest] = /^(\S+)\s+(\S+)\s*(.*)$/s.exec(text.trim()) ?? [];
  if (path !== undefined && word === "exists" && rest === "") return { path, op: ConditionOp.EXISTS, value: "" };
  const op = word === undefined ? undefined : COMPARISONS[word];
  if (path === undefined || op === undefined || !rest) {
    throw new TypeError(`a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not ${JSON.stringify(text)}`);
  }
  return { path, op, value: isJSON(rest) ? rest : JSON.stringify(rest) };
}

function isJSON(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

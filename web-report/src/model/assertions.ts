// Assertions: how each ends, and the flow that contradicts it in words.
import type { Assertion, Counterexample, Step } from "../schema";
import type { Cell } from "./csv";

/** How an assertion can end, the worst first. */
export const OUTCOMES = ["fails", "undecided", "vacuous", "holds"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function outcome(assertion: Assertion): Outcome {
  if (assertion.holds === null) return "undecided";
  if (!assertion.holds) return "fails";
  return assertion.vacuous === undefined ? "holds" : "vacuous";
}

/** How many assertions end in each way. */
export function tally(assertions: Assertion[]): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { fails: 0, undecided: 0, vacuous: 0, holds: 0 };
  for (const assertion of assertions) counts[outcome(assertion)] += 1;
  return counts;
}

/** Where an assertion holds, or where the flow is that contradicts it. */
export function where({ world, holds }: Assertion): string {
  if (world === "snapshot") return "in these manifests";
  return holds === false ? "in some cluster" : "in every cluster";
}

/** What is to be known besides, as the terminal says it. */
export function notes({ vacuous, unknown, notes }: Assertion): string[] {
  const why = vacuous ?? (unknown === undefined ? undefined : `not decided: ${unknown}`);
  return why === undefined ? notes : [why, ...notes];
}

/** `TCP 5432`. */
export function over({ protocol, port }: Counterexample): string {
  return protocol === null ? "any traffic" : `${protocol} ${port}`;
}

/** Why nothing that is written decides. */
export function byDefault(step: Step, of: string): string {
  switch (step.why) {
    case "not-selected":
      return `no policy selects ${of} for ${step.side}`;
    case "undecided":
      return `no policy that selects ${of} for ${step.side} decides it`;
    case "itself":
      return "a pod cannot block itself";
    case "own-node":
      return "a node always reaches its own pods";
    default:
      return `no policy applies to ${of}`;
  }
}

/** What the policies and rules are called that decide on a flow. */
export function deciders(found: Counterexample): string {
  return found.steps.flatMap(({ side, object, rule }) => (object ? [`${side}: ${object}${rule ? ` ${rule}` : ""}`] : [])).join("; ");
}

export const HEADER = ["outcome", "assertion", "world", "expect", "file", "line", "source", "destination", "over", "verdict", "by", "command", "notes"];

/** Assertions as rows of a table. */
export function rows(assertions: Assertion[]): Cell[][] {
  return assertions.map((assertion) => {
    const { name, world, expect, at, counterexample: found } = assertion;
    const flow = found ? [found.src.id, found.dst.id, over(found), found.verdict, deciders(found), found.command] : Array<Cell>(6).fill(null);
    return [outcome(assertion), name, world, expect, at?.file, at?.line, ...flow, notes(assertion).join("; ")];
  });
}

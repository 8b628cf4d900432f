/** What becomes of a form when somebody else was quicker: whose value each field has, and where that must be chosen. */
import type { Stale } from "../send";
import type { TaskEntry } from "../task-entry";
import { changed, valuesOf, type Field, type TaskValues } from "./values";

export interface Merge {
  /** The task as it is now. */
  readonly current: TaskEntry;
  /** Theirs, with everything that was changed here on top. */
  readonly values: TaskValues;
  /** Changed there and here, to different values. */
  readonly disputed: readonly Field[];
  /** Changed there alone. */
  readonly theirs: readonly Field[];
}

/** `before` is the task as it was when the form was opened. */
export function merged(before: TaskEntry, mine: TaskValues, current: TaskEntry): Merge {
  const theirs = valuesOf(current);
  const here = changed(valuesOf(before), mine);
  const there = changed(valuesOf(before), theirs);
  const differing = changed(mine, theirs);
  return {
    current,
    values: withFields(theirs, mine, here),
    disputed: differing.filter((field) => here.includes(field) && there.includes(field)),
    theirs: there.filter((field) => !here.includes(field)),
  };
}

/** Values with some fields of other ones. */
export function withFields(values: TaskValues, others: TaskValues, fields: readonly Field[]): TaskValues {
  return Object.assign({}, values, ...fields.map((field) => ({ [field]: others[field] }))) as TaskValues;
}

/** Who was quicker, as a sentence begins: "Mara Lind". */
export function quickerOne({ current }: Stale, viewerId: string | null): string {
  const actor = current.history.edges[0]?.node.actor;
  if (!actor) return "Somebody";
  return actor.id === viewerId ? "You, in another window," : actor.displayName;
}

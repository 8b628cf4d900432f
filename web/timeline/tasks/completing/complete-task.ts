/** Completes a task with what came of it; what is written is never lost when somebody else was quicker. */
import type { Client } from "@urql/core";
import { CompleteTaskDocument, ReopenTaskDocument, UpdateTaskDocument } from "../../../generated/operations";
import { timeZone } from "../../time/dates";
import { quickerOne } from "../editing/merge";
import { refusedAt, type Problems } from "../editing/problems";
import { send, staleOf, type Answer } from "../send";
import { isOpen, type TaskEntry } from "../task-entry";

export interface Completion {
  /** The task as it was when the form was opened, or as somebody has left it since. */
  readonly task: TaskEntry;
  readonly outcome: string;
  readonly notes: string;
}

export type Completed =
  | { readonly kind: "completed"; readonly task: TaskEntry }
  /** Somebody has changed it: to be looked at before it is completed. */
  | { readonly kind: "changed"; readonly task: TaskEntry; readonly who: string }
  /** Somebody has completed it: what is written here wasn't taken. */
  | { readonly kind: "late"; readonly task: TaskEntry }
  | { readonly kind: "refused"; readonly problems: Problems };

/** Never rejects. */
export async function completeTask(
  client: Client,
  completion: Completion,
  viewerId: string | null,
): Promise<Completed> {
  const { task, outcome, notes } = completion;
  const input = {
    id: task.id,
    expectedVersion: task.version,
    ...(outcome.trim() === "" ? {} : { outcome: outcome.trim() }),
    ...(notes.trim() === "" ? {} : { notes: notes.trim() }),
  };
  const answer = await send(client, CompleteTaskDocument, { input, timeZone: timeZone() }, (data) => data.completeTask);
  if (answer.kind === "changed") {
    const isTaken = !answer.isReplayed || holds(answer.task, completion);
    return { kind: isTaken ? "completed" : "late", task: answer.task };
  }
  const stale = staleOf(answer);
  if (stale !== undefined) return { kind: "changed", task: stale.current, who: quickerOne(stale, viewerId) };
  const problems =
    answer.kind === "refused" ? refusedAt(answer.refusals) : { form: `${answer.message} What you have typed is kept.` };
  return { kind: "refused", problems };
}

/** Adds what was written for a completion to the description of a task that somebody else has completed. */
export async function addToDescription(
  client: Client,
  { task, outcome, notes }: Completion,
  viewerId: string | null,
): Promise<Completed> {
  const parts = [task.description?.trim() ?? "", outcome.trim(), notes.trim()];
  const input = {
    id: task.id,
    expectedVersion: task.version,
    description: parts.filter((part) => part !== "").join("\n\n"),
  };
  const answer = await send(client, UpdateTaskDocument, { input, timeZone: timeZone() }, (data) => data.updateTask);
  if (answer.kind === "changed") return { kind: "completed", task: answer.task };
  const stale = staleOf(answer);
  if (stale !== undefined) return { kind: "changed", task: stale.current, who: quickerOne(stale, viewerId) };
  const problems = answer.kind === "refused" ? refusedAt(answer.refusals) : { form: answer.message };
  return { kind: "refused", problems: { form: Object.values(problems).join(" ") } };
}

/** Takes back what was written for a task: open again if it was, with the outcome and description of `before`. */
export async function takeBack(client: Client, before: TaskEntry, task: TaskEntry): Promise<Answer> {
  let now: Answer = { kind: "changed", task, isReplayed: false, warnings: [] };
  if (isOpen(before)) {
    const input = { id: task.id, expectedVersion: task.version };
    now = await send(client, ReopenTaskDocument, { input, timeZone: timeZone() }, (data) => data.reopenTask);
    if (now.kind !== "changed") return now;
  }
  // Opened again, a task keeps what came of it: there it would stand as the outcome of nothing.
  const { outcome, description } = before;
  if (now.task.outcome === outcome && now.task.description === description) return now;
  const input = { id: task.id, expectedVersion: now.task.version, outcome, description };
  return send(client, UpdateTaskDocument, { input, timeZone: timeZone() }, (data) => data.updateTask);
}

/** Whether what is written stands in the task already: an answer got lost, and this was a repeat. */
function holds(task: TaskEntry, { outcome, notes }: Completion): boolean {
  const isOutcomeThere = outcome.trim() === "" || task.outcome === outcome.trim();
  return isOutcomeThere && (task.description ?? "").endsWith(notes.trim());
}

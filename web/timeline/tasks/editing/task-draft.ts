/** A task form as it is kept until it is saved. */
import type { CreateTaskInput } from "../../../generated/operations";
import { newKey } from "../../new-key";
import type { TaskEntry } from "../task-entry";
import { changed, valuesOf, type TaskValues } from "./values";

export interface TaskDraft {
  /** The task as it was when the form was opened; null for a new one. */
  readonly task: TaskEntry | null;
  /** What a new task's form began with. */
  readonly blank: TaskValues;
  readonly values: TaskValues;
  /** One for each form that is opened: however often it is sent, there is one task. */
  readonly key: string;
  /** Sent, and perhaps done: its answer never came. */
  readonly sent: CreateTaskInput | null;
}

export function newDraft(blank: TaskValues): TaskDraft {
  return { task: null, blank, values: blank, key: newKey(), sent: null };
}

export function draftOf(task: TaskEntry): TaskDraft {
  const values = valuesOf(task);
  return { task, blank: values, values, key: newKey(), sent: null };
}

/** Whether there is anything to lose. */
export function isWorthKeeping({ task, blank, values, sent }: TaskDraft): boolean {
  return sent !== null || changed(task ? valuesOf(task) : blank, values).length > 0;
}

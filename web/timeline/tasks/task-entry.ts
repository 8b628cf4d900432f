/** The entry of a timeline that is a task. */
import type { EntryFragment } from "../../generated/operations";

export type TaskEntry = Extract<EntryFragment, { readonly __typename: "Task" }>;

export function isTask(entry: EntryFragment): entry is TaskEntry {
  return entry.__typename === "Task";
}

/** Whether there is still something to do. */
export function isOpen(task: TaskEntry): boolean {
  return task.status === "PENDING" || task.status === "SCHEDULED";
}

/** What was done, and to which task: `Deleted “Call back”`. */
import type { TaskEntry } from "./task-entry";

export function Named({ did, task }: { readonly did: string; readonly task: TaskEntry }) {
  return (
    <>
      {did} “<bdi>{task.subject.trim() || "Task"}</bdi>”
    </>
  );
}

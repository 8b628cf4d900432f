/** What can be done with a task, as buttons on its entry. */
import type { TaskEntry } from "./task-entry";

export function TaskActions({ task }: { readonly task: TaskEntry }) {
  return <div className="task-actions" data-task={task.id} />;
}

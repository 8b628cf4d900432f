/** Single keys on the entry that the keyboard stands on. */
import { useToasts } from "../../ui/toasts";
import { useViewer } from "../signed-in";
import { isOpen, isTask, type TaskEntry } from "../tasks/task-entry";
import { useTaskForm } from "../tasks/task-forms";
import { useShortcut } from "./shortcuts";
import { useWalk } from "./standing";

export function Keys() {
  const { step } = useWalk();
  useShortcut("next", () => step(1));
  useShortcut("previous", () => step(-1));
  return useViewer().mayWrite ? <TaskKeys /> : null;
}

function TaskKeys() {
  const { entry } = useWalk();
  const { edit, complete } = useTaskForm();
  const here = (): TaskEntry | null => {
    const found = entry();
    return found !== null && isTask(found) ? found : null;
  };
  useShortcut("edit", () => {
    const task = here();
    if (task !== null) edit(task);
  });
  useShortcut("undo", useToasts().undo);
  useShortcut("complete", () => {
    const task = here();
    if (task !== null && isOpen(task)) complete(task);
  });
  return null;
}

/** The button that begins a task; `n` does the same. Nobody who may only look sees it. */
import { Plus } from "lucide-react";
import { useShortcut } from "../keys/shortcuts";
import { useViewer } from "../signed-in";
import { useTaskForm, type Links } from "./task-forms";

interface NewTaskProps {
  /** What the task is linked to from the start; null while that isn't known: it would be missing without a word. */
  readonly links: Links | null;
}

export function NewTask({ links }: NewTaskProps) {
  return useViewer().mayWrite ? <Button links={links} /> : null;
}

function Button({ links }: NewTaskProps) {
  const { create } = useTaskForm();
  const begin = (): void => {
    if (links !== null) create(links);
  };
  useShortcut("new", begin);
  return (
    <button type="button" className="button--primary" disabled={links === null} onClick={begin}>
      <Plus size={16} aria-hidden /> New task
    </button>
  );
}

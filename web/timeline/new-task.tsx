/** The button that begins a task; `n` does the same. Nobody who may only look sees it. */
import { Plus } from "lucide-react";
import { useShortcut } from "./shortcuts";
import { useViewer } from "./signed-in";
import { useTaskForm, type Links } from "./tasks/task-forms";

/** `links`: what the task is linked to from the start. */
export function NewTask({ links }: { readonly links: Links }) {
  return useViewer().mayWrite ? <Button links={links} /> : null;
}

function Button({ links }: { readonly links: Links }) {
  const { create } = useTaskForm();
  const begin = (): void => create(links);
  useShortcut("new", begin);
  return (
    <button type="button" className="button--primary" onClick={begin}>
      <Plus size={16} aria-hidden /> New task
    </button>
  );
}

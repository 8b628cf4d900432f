/** Begins a new task, at a click or by its key. */
import { Plus } from "lucide-react";
import { useShortcut } from "../shortcuts";
import { useViewer } from "../signed-in";
import { useTaskForm, type Links } from "./task-forms";

/** `preset`: what the page shows, for the task to be linked to. Nothing for those who may only look. */
export function NewTask({ preset = {} }: { readonly preset?: Links }) {
  const { mayWrite } = useViewer();
  const { create } = useTaskForm();
  const begin = (): void => {
    if (mayWrite) create(preset);
  };
  useShortcut("new", begin);
  if (!mayWrite) return null;
  return (
    <button type="button" className="button--primary" title="New task (n)" onClick={begin}>
      <Plus aria-hidden size={16} /> New task
    </button>
  );
}

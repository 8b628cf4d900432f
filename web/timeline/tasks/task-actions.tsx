/** What can be done with a task, as buttons on its entry. */
import { CalendarX2, CircleCheck, Pencil, RotateCcw, Trash2, type LucideIcon } from "lucide-react";
import { focusNear } from "../../ui/focus-near";
import "./task-actions.css";
import { isOpen, type TaskEntry } from "./task-entry";
import { useTaskForm } from "./task-forms";
import { useStateChanges, type StateChange } from "./use-state-changes";

export function TaskActions({ task }: { readonly task: TaskEntry }) {
  const forms = useTaskForm();
  const { make } = useStateChanges();
  // A deleted task may be in sight for as long as nobody has looked again.
  if (task.deletedAt !== null) return null;
  const isTodo = isOpen(task);
  // The entry may leave its list, and mustn't take the focus with it.
  const change = (state: StateChange): void => {
    focusNear(document.activeElement)();
    make(state, task);
  };
  return (
    <div className="task-actions">
      {/* One button for both, so that it keeps the focus when it turns into the other. */}
      <Action
        name={isTodo ? "Complete task" : "Reopen task"}
        icon={isTodo ? CircleCheck : RotateCcw}
        onAct={() => (isTodo ? forms.complete(task) : change("reopen"))}
      />
      <Action name="Edit task" icon={Pencil} onAct={() => forms.edit(task)} />
      {isTodo ? <Action name="Cancel task" icon={CalendarX2} onAct={() => change("cancel")} /> : null}
      <Action name="Delete task" icon={Trash2} onAct={() => change("remove")} />
    </div>
  );
}

interface ActionProps {
  readonly name: string;
  readonly icon: LucideIcon;
  readonly onAct: () => void;
}

function Action({ name, icon: Icon, onAct }: ActionProps) {
  return (
    <button
      type="button"
      className="button--quiet button--icon button--small"
      aria-label={name}
      title={name}
      onClick={onAct}
    >
      <Icon aria-hidden size={16} />
    </button>
  );
}

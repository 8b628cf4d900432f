/** An open form, and what becomes of the page and of its draft when it is saved or closed. */
import { useToasts } from "../../ui/toasts";
import { CompleteForm } from "./completing/complete-form";
import type { Completion } from "./completing/complete-task";
import type { Drafts } from "./drafts";
import type { TaskDraft } from "./editing/task-draft";
import { TaskForm } from "./editing/task-form";
import { Named } from "./named";
import { isOpen, type TaskEntry } from "./task-entry";
import { useStateChanges } from "./use-state-changes";

interface OpenedTaskForm {
  readonly kind: "task";
  /** Names the draft. */
  readonly name: string;
  readonly draft: TaskDraft;
  /** What it begins with when nothing that was kept is wanted. */
  readonly fresh: TaskDraft;
  /** Whether the draft was kept from before. */
  readonly isKept: boolean;
}

interface OpenedCompletionForm {
  readonly kind: "completion";
  readonly name: string;
  readonly completion: Completion;
}

export type Opened = OpenedTaskForm | OpenedCompletionForm;

interface OpenedTaskProps {
  readonly opened: OpenedTaskForm;
  readonly drafts: Drafts;
  /** Opens the same form with another draft. */
  readonly onReopen: (opened: Opened) => void;
  readonly onEdit: (task: TaskEntry) => void;
  readonly onClose: () => void;
}

export function OpenedTask({ opened, drafts, onReopen, onEdit, onClose }: OpenedTaskProps) {
  const { name, draft } = opened;
  const toasts = useToasts();
  const { make } = useStateChanges();
  const afresh = (): void => {
    drafts.drop(name);
    onReopen({ ...opened, draft: opened.fresh, isKept: false });
  };
  const tell = (task: TaskEntry, remarks: readonly string[], isNew: boolean): void => {
    const said = { about: task.id, text: <Named did={isNew ? "Created" : "Saved"} task={task} /> };
    if (remarks.length > 0)
      toasts.show({
        ...said,
        kind: "warn",
        detail: remarks.join(" "),
        action: { label: "Edit", act: () => onEdit(task) },
      });
    else if (isNew) toasts.show({ ...said, undo: () => make("remove", task) });
    else toasts.show(said);
  };
  return (
    <TaskForm
      start={draft}
      isKept={opened.isKept}
      onDraft={(next) => (next === null ? drafts.drop(name) : drafts.keep(name, next))}
      onSaved={({ task, remarks }, isNew) => {
        onClose();
        tell(task, remarks, isNew);
      }}
      onMissed={(reason) => toasts.show({ about: name, kind: "danger", text: "A task was not saved", detail: reason })}
      onClose={onClose}
      onAfresh={afresh}
    />
  );
}

interface OpenedCompletionProps {
  readonly opened: OpenedCompletionForm;
  readonly drafts: Drafts;
  readonly onClose: () => void;
}

export function OpenedCompletion({ opened, drafts, onClose }: OpenedCompletionProps) {
  const { name, completion } = opened;
  const toasts = useToasts();
  const { takeBack } = useStateChanges();
  return (
    <CompleteForm
      start={completion}
      onDraft={(next) => (next === null ? drafts.drop(name) : drafts.keep(name, next))}
      onMissed={(reason) =>
        toasts.show({ about: name, kind: "danger", text: "A task was not completed", detail: reason })
      }
      onCompleted={(task, before) => {
        onClose();
        const did = isOpen(before) ? "Completed" : "Saved";
        toasts.show({ about: task.id, text: <Named did={did} task={task} />, undo: () => takeBack(task, before) });
      }}
      onClose={onClose}
    />
  );
}

/** The form in which a task is made or changed. */
import { useEffect, useRef, type FormEvent } from "react";
import { Dialog } from "../../../ui/dialog";
import "../task-form.css";
import { Disputed } from "./disputed";
import type { Problems } from "./problems";
import { RestoreDeleted } from "./restore-deleted";
import { TaskFields } from "./task-fields";
import { useEditing, type Editing, type EditingProps } from "./use-editing";

interface TaskFormProps extends EditingProps {
  /** Whether it goes on from what was kept. */
  readonly isKept: boolean;
  readonly onClose: () => void;
  /** Forget what was kept, and begin anew. */
  readonly onAfresh: () => void;
}

export function TaskForm({ isKept, onClose, onAfresh, ...editingProps }: TaskFormProps) {
  const editing = useEditing(editingProps);
  const isNew = editing.draft.task === null;
  if (editing.dispute !== null) {
    return (
      <Disputed
        dispute={editing.dispute}
        mine={editing.draft.values}
        onChoose={editing.settle}
        onBack={editing.putOff}
      />
    );
  }
  return (
    <Dialog title={isNew ? "New task" : "Edit task"} onClose={onClose}>
      {isKept ? <KeptNotice onAfresh={onAfresh} /> : null}
      <Fields editing={editing} onClose={onClose} submit={isNew ? "Create task" : "Save"} />
    </Dialog>
  );
}

function KeptNotice({ onAfresh }: { readonly onAfresh: () => void }) {
  return (
    <p className="notice task-form__kept" role="status">
      <span>What you had typed here is back.</span>
      <button type="button" className="button--small" onClick={onAfresh}>
        Start afresh
      </button>
    </p>
  );
}

interface FieldsProps {
  readonly editing: Editing;
  readonly submit: string;
  readonly onClose: () => void;
}

function Fields({ editing, submit, onClose }: FieldsProps) {
  const { draft, problems, isSaving } = editing;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (editing.failures > 0) form.current?.querySelector<HTMLElement>(WRONG)?.focus();
  }, [editing.failures]);
  const save = (event: FormEvent): void => {
    event.preventDefault();
    if (form.current !== null) editing.save(unfinished(form.current));
  };
  return (
    <form ref={form} className="task-form" noValidate onSubmit={save} aria-busy={isSaving}>
      <fieldset className="dialog__body" disabled={isSaving}>
        <TaskFields task={draft.task} values={draft.values} problems={problems} onChange={editing.change} />
      </fieldset>
      <div className="dialog__foot">
        {problems.form === undefined ? null : (
          <p className="notice notice--danger task-form__failure" role="alert" tabIndex={-1}>
            {problems.form}
          </p>
        )}
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        {editing.isDeleted && draft.task !== null ? (
          <RestoreDeleted task={draft.task} onRestored={editing.saveRestored} />
        ) : (
          <button type="submit" className="button--primary" aria-disabled={isSaving}>
            {isSaving ? "Saving…" : submit}
          </button>
        )}
      </div>
    </form>
  );
}

// The first thing in the form that is wrong: a field, or the first field of a group; else what is said of all of it.
const WRONG = '[aria-invalid="true"], [data-invalid="true"] :is(input, textarea), [role="alert"]';

/** What only the fields know: a name that was typed and not chosen, half a date. */
function unfinished(form: HTMLFormElement): Problems {
  const problems: { [name: string]: string } = {};
  for (const field of form.querySelectorAll<HTMLInputElement>("input:invalid")) {
    if (field.validity.customError) problems[field.name] = field.validationMessage;
    if (field.validity.badInput) problems["due"] = "This is only part of a date or time. Finish it, or clear it.";
  }
  return problems;
}

/** The form in which a task is completed: what came of it, and notes, both if there is anything to say. */
import { useEffect, useRef, type FormEvent } from "react";
import { Dialog } from "../../../ui/dialog";
import { TextField } from "../../../ui/text-field";
import { LONGEST_DESCRIPTION, LONGEST_OUTCOME } from "../editing/problems";
import { isOpen } from "../task-entry";
import "../task-form.css";
import { useCompleting, type Completing, type CompletingProps } from "./use-completing";

interface CompleteFormProps extends CompletingProps {
  readonly onClose: () => void;
}

export function CompleteForm({ onClose, ...completingProps }: CompleteFormProps) {
  const completing = useCompleting(completingProps);
  const { isSaving, failures, notice, problems } = completing;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (failures > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [role="alert"]')?.focus();
  }, [failures]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    completing.save();
  };
  return (
    <Dialog title="Complete task" size="small" onClose={onClose}>
      <form ref={form} className="task-form" noValidate onSubmit={submit} aria-busy={isSaving}>
        <fieldset className="dialog__body" disabled={isSaving}>
          <Fields completing={completing} />
        </fieldset>
        <div className="dialog__foot">
          {notice === null ? null : <Alert kind="warn" text={notice} />}
          {problems.form === undefined ? null : <Alert kind="danger" text={problems.form} />}
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button--primary" aria-disabled={isSaving}>
            {isSaving ? "Saving…" : isOpen(completing.completion.task) ? "Complete task" : "Add to description"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Fields({ completing }: { readonly completing: Completing }) {
  const { completion, problems, change } = completing;
  return (
    <>
      <p dir="auto">{completion.task.subject}</p>
      <TextField
        label="Outcome"
        name="outcome"
        isLine
        longest={LONGEST_OUTCOME}
        value={completion.outcome}
        error={problems.outcome}
        hint="What came of it, in a few words. May stay empty."
        onChange={(outcome) => change({ outcome })}
      />
      <TextField
        label="Notes"
        name="notes"
        longest={LONGEST_DESCRIPTION}
        value={completion.notes}
        error={problems.notes}
        hint="Added to the end of the description."
        onChange={(notes) => change({ notes })}
      />
    </>
  );
}

function Alert({ kind, text }: { readonly kind: "warn" | "danger"; readonly text: string }) {
  return (
    <p className={`notice notice--${kind} task-form__failure`} role="alert" tabIndex={-1}>
      {text}
    </p>
  );
}

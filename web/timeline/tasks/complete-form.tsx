/** The form in which a task is completed: what came of it, and notes, both if there is anything to say. */
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useClient } from "urql";
import { Dialog } from "../../ui/dialog";
import { TextField, lengthOf } from "../../ui/text-field";
import { useViewer } from "../signed-in";
import { addToDescription, completeTask, type Completed, type Completion } from "./complete-task";
import { hasProblems, LONGEST_DESCRIPTION, LONGEST_OUTCOME, type Problems } from "./problems";
import "./task-form.css";
import { isOpen, type TaskEntry } from "./task-entry";

interface CompleteFormProps {
  readonly start: Completion;
  /** Keeps what is typed; null when there is nothing to lose. */
  readonly onDraft: (completion: Completion | null) => void;
  readonly onCompleted: (task: TaskEntry) => void;
  readonly onClose: () => void;
}

export function CompleteForm(props: CompleteFormProps) {
  const { completion, change, problems, notice, isSaving, failures, save } = useCompleting(props);
  const { task, outcome, notes } = completion;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (failures > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [role="alert"]')?.focus();
  }, [failures]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save();
  };
  return (
    <Dialog title="Complete task" size="small" onClose={props.onClose}>
      <form ref={form} className="task-form" noValidate onSubmit={submit} aria-busy={isSaving}>
        <fieldset className="dialog__body" disabled={isSaving}>
          <p dir="auto">{task.subject}</p>
          <TextField label="Outcome" name="outcome" isLine longest={LONGEST_OUTCOME} value={outcome} error={problems.outcome}
            hint="What came of it, in a few words. May stay empty." onChange={(text) => change({ outcome: text })} />
          <TextField label="Notes" name="notes" longest={LONGEST_DESCRIPTION} value={notes} error={problems.notes}
            hint="Added to the end of the description." onChange={(text) => change({ notes: text })} />
        </fieldset>
        <div className="dialog__foot">
          {notice === null ? null : <p className="notice notice--warn task-form__failure" role="alert" tabIndex={-1}>{notice}</p>}
          {problems.form === undefined ? null : <p className="notice notice--danger task-form__failure" role="alert" tabIndex={-1}>{problems.form}</p>}
          <button type="button" onClick={props.onClose}>Cancel</button>
          <button type="submit" className="button--primary" aria-disabled={isSaving}>
            {isSaving ? "Saving…" : isOpen(task) ? "Complete task" : "Add to description"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface State {
  readonly problems: Problems;
  /** What somebody else did meanwhile. */
  readonly notice: string | null;
  readonly failures: number;
}

function useCompleting({ start, onDraft, onCompleted }: CompleteFormProps) {
  const client = useClient();
  const viewer = useViewer();
  const [completion, setCompletion] = useState(start);
  const [state, setState] = useState<State>({ problems: {}, notice: null, failures: 0 });
  const [isSaving, setIsSaving] = useState(false);
  const isBusy = useRef(false);

  const keep = (next: Completion): void => {
    setCompletion(next);
    onDraft(next.outcome + next.notes === "" ? null : next);
  };
  const fail = (problems: Problems, notice: string | null): void => setState(({ failures }) => ({ problems, notice, failures: failures + 1 }));
  const take = (completed: Completed): void => {
    if (completed.kind === "completed") {
      onDraft(null);
      onCompleted(completed.task);
    } else if (completed.kind === "refused") {
      fail(completed.problems, null);
    } else {
      keep({ ...completion, task: completed.task });
      fail({}, noticeOf(completed));
    }
  };
  const send = async (): Promise<void> => {
    if (isBusy.current) return;
    isBusy.current = true;
    setIsSaving(true);
    // Once somebody else has completed it there is only the description to write to.
    const completed = await (isOpen(completion.task) ? completeTask : addToDescription)(client, completion, viewer.id);
    isBusy.current = false;
    setIsSaving(false);
    take(completed);
  };
  return {
    ...state,
    completion,
    isSaving,
    change: (texts: Partial<Completion>) => keep({ ...completion, ...texts }),
    save: () => {
      const problems = problemsOf(completion);
      if (hasProblems(problems)) fail(problems, null);
      else void send();
    },
  };
}

function noticeOf(completed: Extract<Completed, { readonly kind: "changed" | "late" }>): string {
  if (completed.kind === "changed") return `${completed.who} changed this task meanwhile. Look at it as it is now: it is completed when you press the button again.`;
  const outcome = completed.task.outcome ? `, with the outcome “${completed.task.outcome}”` : "";
  return `Somebody else has completed this task meanwhile${outcome}. Your words can be added to its description.`;
}

function problemsOf({ outcome, notes }: Completion): Problems {
  return {
    ...(lengthOf(outcome) > LONGEST_OUTCOME ? { outcome: `Shorten it to ${LONGEST_OUTCOME} characters.` } : {}),
    ...(lengthOf(notes) > LONGEST_DESCRIPTION ? { notes: "Shorten it to 100,000 characters." } : {}),
  };
}

/** The life of an open form for completing a task. */
import { useState } from "react";
import { useClient } from "urql";
import { useViewer } from "../../signed-in";
import { completionProblems, hasProblems, type Problems } from "../editing/problems";
import { isOpen, type TaskEntry } from "../task-entry";
import { useOnce } from "../use-once";
import { addToDescription, completeTask, type Completed, type Completion } from "./complete-task";

export interface CompletingProps {
  readonly start: Completion;
  /** Keeps what is typed; null when there is nothing to lose. */
  readonly onDraft: (completion: Completion | null) => void;
  /** `before` is the task as it was until then. */
  readonly onCompleted: (task: TaskEntry, before: TaskEntry) => void;
  /** Called when it was not completed and the form is closed by now. */
  readonly onMissed: (reason: string) => void;
}

interface Result {
  readonly problems: Problems;
  /** What somebody else did meanwhile. */
  readonly notice: string | null;
  /** Counts the tries that failed: each moves the focus to what is wrong. */
  readonly failures: number;
}

export interface Completing extends Result {
  readonly completion: Completion;
  readonly isSaving: boolean;
  readonly change: (texts: Partial<Pick<Completion, "outcome" | "notes">>) => void;
  readonly save: () => void;
}

export function useCompleting({ start, onDraft, onCompleted, onMissed }: CompletingProps): Completing {
  const client = useClient();
  const viewer = useViewer();
  const [completion, setCompletion] = useState(start);
  const [result, setResult] = useState<Result>({ problems: {}, notice: null, failures: 0 });
  const keep = (next: Completion): void => {
    setCompletion(next);
    onDraft(next.outcome + next.notes === "" ? null : next);
  };
  const fail = (problems: Problems, notice: string | null): void =>
    setResult(({ failures }) => ({ problems, notice, failures: failures + 1 }));
  const sending = useOnce(
    // Once somebody else has completed it there is only the description to write to.
    (given: Completion) => (isOpen(given.task) ? completeTask : addToDescription)(client, given, viewer.id),
    (completed, given, isThere) => {
      if (completed.kind === "completed") {
        onDraft(null);
        onCompleted(completed.task, given.task);
        return;
      }
      const notice = noticeOf(completed);
      const problems = completed.kind === "refused" ? completed.problems : {};
      if (completed.kind !== "refused") keep({ ...given, task: completed.task });
      if (isThere) fail(problems, notice);
      else onMissed([...Object.values(problems), notice ?? ""].join(" ").trim());
    },
  );
  return {
    ...result,
    completion,
    isSaving: sending.isBusy,
    change: (texts) => keep({ ...completion, ...texts }),
    save: () => {
      const problems = completionProblems(completion.outcome, completion.notes);
      if (hasProblems(problems)) fail(problems, null);
      else sending.start(completion);
    },
  };
}

function noticeOf(completed: Completed): string | null {
  if (completed.kind === "changed") {
    return `${completed.who} changed this task meanwhile. Look at it as it is now, then complete it if you still want to.`;
  }
  if (completed.kind !== "late") return null;
  const outcome = completed.task.outcome ? `, with the outcome “${completed.task.outcome}”` : "";
  return `Somebody else has completed this task meanwhile${outcome}. Your words can be added to its description.`;
}

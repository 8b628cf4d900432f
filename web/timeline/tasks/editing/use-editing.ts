/** The life of an open task form: what is typed, what is wrong with it, and how it is saved. */
import { useState } from "react";
import { useClient } from "urql";
import type { Connection } from "../../live/client";
import { useConnection } from "../../live/use-live";
import { useViewer } from "../../signed-in";
import type { TaskEntry } from "../task-entry";
import { useOnce, type Once } from "../use-once";
import { withFields } from "./merge";
import { hasProblems, problemsOf, type Place, type Problems } from "./problems";
import { saveDraft, type Dispute, type Outcome } from "./save";
import { isWorthKeeping, type TaskDraft } from "./task-draft";
import { LINKS, valuesOf, type Field, type TaskValues } from "./values";

type Saved = Extract<Outcome, { readonly kind: "saved" }>;

export interface EditingProps {
  readonly start: TaskDraft;
  /** Keeps the draft; null when there is nothing to lose. */
  readonly onDraft: (draft: TaskDraft | null) => void;
  readonly onSaved: (saved: Saved, isNew: boolean) => void;
  /** Called when it was not saved and the form is closed by now. */
  readonly onMissed: (reason: string) => void;
}

export interface Editing {
  readonly draft: TaskDraft;
  readonly problems: Problems;
  /** Counts the tries that failed: each moves the focus to what is wrong. */
  readonly failures: number;
  readonly isSaving: boolean;
  /** Whether somebody has deleted the task meanwhile. */
  readonly isDeleted: boolean;
  readonly dispute: Dispute | null;
  readonly change: (values: Partial<TaskValues>) => void;
  /** `found` are problems that only the fields themselves know of. */
  readonly save: (found: Problems) => void;
  /** Save with these of the disputed fields as they are here, and the others as they are there. */
  readonly settle: (mine: readonly Field[]) => void;
  /** Back to the form, undecided. */
  readonly putOff: () => void;
  /** Save a task that has been brought back. */
  readonly saveRestored: (task: TaskEntry) => void;
}

export function useEditing(props: EditingProps): Editing {
  const [draft, setDraft] = useState(props.start);
  const [state, setState] = useState<Result>(UNTRIED);
  const keep = (next: TaskDraft): void => {
    setDraft(next);
    props.onDraft(isWorthKeeping(next) ? next : null);
  };
  const fail = (outcome: Exclude<Outcome, Saved>): void => setState(({ failures }) => resultOf(outcome, failures));
  const saving = useSaving(props, keep, fail);
  const goOn = (next: TaskDraft): void => {
    setState(UNTRIED);
    keep(next);
    saving.start(next);
  };
  return {
    ...state,
    draft,
    isSaving: saving.isBusy,
    change: (values) => {
      keep({ ...draft, values: { ...draft.values, ...values } });
      setState((before) => ({ ...before, problems: without(before.problems, Object.keys(values) as Field[]) }));
    },
    save: (found) => {
      const problems = { ...problemsOf(draft.values, draft.task && valuesOf(draft.task)), ...found };
      if (hasProblems(problems)) fail({ kind: "refused", problems, isDeleted: state.isDeleted });
      else saving.start(draft);
    },
    settle: (mine) => {
      if (state.dispute === null) return;
      const { current, disputed, values } = state.dispute.merge;
      const given = disputed.filter((field) => !mine.includes(field));
      goOn({ ...draft, task: current, values: withFields(values, valuesOf(current), given) });
    },
    putOff: () => setState(UNTRIED),
    saveRestored: (task) => goOn({ ...draft, task }),
  };
}

/** Sends a draft. `keep` what becomes of it on the way, and `fail` when it wasn't saved and the form is still there. */
function useSaving(
  { onDraft, onSaved, onMissed }: EditingProps,
  keep: (draft: TaskDraft) => void,
  fail: (outcome: Exclude<Outcome, Saved>) => void,
): Once<TaskDraft> {
  const client = useClient();
  const connection = useConnection();
  const viewer = useViewer();
  return useOnce(
    (given: TaskDraft) => pendingUntilShown(connection, given, saveDraft({ client, viewerId: viewer.id, remember: keep }, given)),
    (outcome, given, isThere) => {
      if (outcome.kind === "saved") {
        onDraft(null);
        onSaved(outcome, given.task === null);
      } else if (isThere) fail(outcome);
      else onMissed(reasonFor(outcome));
    },
  );
}

/** Shows a new task while it is saved, and until the lists have it. */
async function pendingUntilShown({ own, pending }: Connection, { task, key, values }: TaskDraft, saving: Promise<Outcome>): Promise<Outcome> {
  if (task !== null) return saving;
  pending.add({ key, values });
  const outcome = await saving;
  if (outcome.kind === "saved") void own.shown(outcome.task.id).then(() => pending.remove(key));
  else pending.remove(key);
  return outcome;
}

type Result = Pick<Editing, "problems" | "failures" | "isDeleted" | "dispute">;
const UNTRIED: Result = { problems: {}, failures: 0, isDeleted: false, dispute: null };

function resultOf(outcome: Exclude<Outcome, Saved>, failures: number): Result {
  if (outcome.kind === "disputed") return { ...UNTRIED, dispute: outcome.dispute };
  return { problems: outcome.problems, failures: failures + 1, isDeleted: outcome.isDeleted, dispute: null };
}

function reasonFor(outcome: Exclude<Outcome, Saved>): string {
  if (outcome.kind === "disputed")
    return `${outcome.dispute.who} changed it meanwhile. Edit it again to choose what to keep.`;
  return Object.values(outcome.problems).join(" ");
}

/** What is being corrected isn't called wrong any more. */
function without(problems: Problems, fields: readonly Field[]): Problems {
  const isLink = fields.some((field) => LINKS.some((link) => link === field));
  const gone: readonly string[] = [...fields, "form", ...(isLink ? ["links"] : [])];
  return Object.fromEntries(Object.entries(problems).filter(([place]) => !gone.includes(place))) satisfies {
    readonly [place in Place]?: string;
  };
}

/** The life of an open task form: what is typed, what is wrong with it, and how it is saved. */
import { useEffect, useRef, useState } from "react";
import { useClient } from "urql";
import { useViewer } from "../signed-in";
import { withFields } from "./merge";
import { hasProblems, problemsOf, type Place, type Problems } from "./problems";
import { saveDraft, type Dispute, type Outcome } from "./save";
import { isWorthKeeping, type TaskDraft } from "./task-draft";
import { LINKS, valuesOf, type Field, type TaskValues } from "./values";

interface EditingProps {
  readonly start: TaskDraft;
  /** Keeps the draft, or drops it when there is nothing to lose. */
  readonly onDraft: (draft: TaskDraft | null) => void;
  readonly onSaved: (outcome: Extract<Outcome, { readonly kind: "saved" }>, isNew: boolean) => void;
  /** Called when it was not saved and the form is closed by now. */
  readonly onMissed: (message: string) => void;
}

export interface Editing {
  readonly draft: TaskDraft;
  readonly problems: Problems;
  /** Counts the tries that failed: each moves the focus to what is wrong. */
  readonly failures: number;
  readonly isSaving: boolean;
  readonly isDeleted: boolean;
  readonly dispute: Dispute | null;
  readonly change: (values: Partial<TaskValues>) => void;
  /** `found` are problems that only the fields themselves know of. */
  readonly save: (found?: Problems) => void;
  readonly settle: (mine: readonly Field[]) => void;
  readonly goOn: (draft: TaskDraft) => void;
}

export function useEditing({ start, onDraft, onSaved, onMissed }: EditingProps): Editing {
  const client = useClient();
  const viewer = useViewer();
  const [draft, setDraft] = useState(start);
  const [problems, setProblems] = useState<Problems>({});
  const [failures, setFailures] = useState(0);
  const [isSaving, setIsSaving] = useState(false);
  const [isDeleted, setIsDeleted] = useState(false);
  const [dispute, setDispute] = useState<Dispute | null>(null);
  // A second click comes before the button can be drawn as pressed.
  const isBusy = useRef(false);
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);

  const keep = (next: TaskDraft): void => {
    setDraft(next);
    onDraft(isWorthKeeping(next) ? next : null);
  };
  const fail = (found: Problems): void => {
    setProblems(found);
    setFailures((before) => before + 1);
  };
  const change = (values: Partial<TaskValues>): void => {
    keep({ ...draft, values: { ...draft.values, ...values } });
    setProblems((before) => without(before, Object.keys(values) as Field[]));
  };
  const submit = async (sent: TaskDraft): Promise<void> => {
    if (isBusy.current) return;
    isBusy.current = true;
    setIsSaving(true);
    const outcome = await saveDraft({ client, viewerId: viewer.id, remember: keep }, sent);
    isBusy.current = false;
    setIsSaving(false);
    if (outcome.kind === "saved") {
      onDraft(null);
      onSaved(outcome, sent.task === null);
    } else if (!isThere.current) {
      onMissed(outcome.kind === "refused" ? Object.values(outcome.problems).join(" ") : `${outcome.dispute.who} changed it meanwhile.`);
    } else if (outcome.kind === "disputed") {
      setDispute(outcome.dispute);
    } else {
      setIsDeleted(outcome.isDeleted);
      fail(outcome.problems);
    }
  };
  const save = (found: Problems = {}): void => {
    const all = { ...problemsOf(draft.values, draft.task && valuesOf(draft.task)), ...found };
    if (hasProblems(all)) fail(all);
    else void submit(draft);
  };
  const settle = (mine: readonly Field[]): void => {
    if (dispute === null) return;
    const { current, disputed, values } = dispute.merge;
    const given = disputed.filter((field) => !mine.includes(field));
    const next = { ...draft, task: current, values: withFields(values, valuesOf(current), given) };
    keep(next);
    setDispute(null);
    void submit(next);
  };
  const goOn = (next: TaskDraft): void => {
    setIsDeleted(false);
    setProblems({});
    keep(next);
  };
  return { draft, problems, failures, isSaving, isDeleted, dispute, change, save, settle, goOn };
}

/** What is being corrected isn't called wrong any more. */
function without(problems: Problems, fields: readonly Field[]): Problems {
  const gone: readonly Place[] = fields.some((field) => LINKS.some((link) => link === field)) ? [...fields, "links", "form"] : [...fields, "form"];
  return Object.fromEntries(Object.entries(problems).filter(([place]) => !gone.includes(place as Place)));
}

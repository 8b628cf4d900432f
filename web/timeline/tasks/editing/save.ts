/** Saves a task form: one task however often it is sent, and nobody's change is lost. */
import type { Client } from "@urql/core";
import { CreateTaskDocument, UpdateTaskDocument } from "../../../generated/operations";
import { newKey } from "../../new-key";
import { timeZone } from "../../time/dates";
import { isAboutDeleted, send, staleOf, type Answer, type Refusal } from "../send";
import type { TaskEntry } from "../task-entry";
import { createInput, updateInput } from "./inputs";
import { merged, quickerOne, type Merge } from "./merge";
import { hasProblems, refusedAt, type Problems } from "./problems";
import type { TaskDraft } from "./task-draft";
import { changed, LABELS, valuesOf } from "./values";

export interface Dispute {
  readonly merge: Merge;
  /** Who was quicker, as a sentence begins. */
  readonly who: string;
}

export type Outcome =
  /** `remarks` are what is odd about it, for people. */
  | { readonly kind: "saved"; readonly task: TaskEntry; readonly remarks: readonly string[] }
  | { readonly kind: "disputed"; readonly dispute: Dispute }
  | { readonly kind: "refused"; readonly problems: Problems; readonly isDeleted: boolean };

export interface Saving {
  readonly client: Client;
  readonly viewerId: string | null;
  /** Keeps what has become of the draft on the way: if the page goes away meanwhile, it goes on from there. */
  readonly remember: (draft: TaskDraft) => void;
}

/** Never rejects. */
export function saveDraft(saving: Saving, draft: TaskDraft): Promise<Outcome> {
  return draft.task === null ? create(saving, draft) : update(saving, draft, draft.task);
}

async function create(saving: Saving, draft: TaskDraft): Promise<Outcome> {
  const wanted = createInput(draft.values, draft.key);
  // One whose answer got lost is sent again as it was: with other words the same key would be refused.
  const input = draft.sent ?? wanted;
  saving.remember({ ...draft, sent: input });
  const answer = await send(
    saving.client,
    CreateTaskDocument,
    { input, timeZone: timeZone() },
    (data) => data.createTask,
  );
  if (answer.kind === "unanswered") return failed(answer);
  const settled = { ...draft, sent: null };
  if (answer.kind === "refused") {
    saving.remember(settled);
    if (answer.refusals.some(isAboutKey)) return create(saving, { ...settled, key: newKey() });
    return sameInput(input, wanted) ? failed(answer) : create(saving, settled);
  }
  if (sameInput(input, wanted)) return { kind: "saved", task: answer.task, remarks: answer.warnings };
  // The lost one had been made after all; what was written since is a change of it.
  saving.remember({ ...settled, task: answer.task });
  return update(saving, settled, answer.task);
}

// Somebody would have to change the task again within each round.
const MOST_ROUNDS = 3;

async function update(
  saving: Saving,
  draft: TaskDraft,
  task: TaskEntry,
  remarks: readonly string[] = [],
  round = 1,
): Promise<Outcome> {
  const fields = changed(valuesOf(task), draft.values);
  if (fields.length === 0) return { kind: "saved", task, remarks };
  const input = updateInput(task, draft.values, fields);
  const answer = await send(
    saving.client,
    UpdateTaskDocument,
    { input, timeZone: timeZone() },
    (data) => data.updateTask,
  );
  if (answer.kind === "changed") return { kind: "saved", task: answer.task, remarks: [...remarks, ...answer.warnings] };
  const stale = staleOf(answer);
  if (stale === undefined || round === MOST_ROUNDS) return failed(answer);
  const merge = merged(task, draft.values, stale.current);
  const who = quickerOne(stale, saving.viewerId);
  if (merge.disputed.length > 0) return { kind: "disputed", dispute: { merge, who } };
  const next = { ...draft, task: merge.current, values: merge.values };
  saving.remember(next);
  return update(saving, next, merge.current, [...remarks, ...remarksOn(task, merge, who)], round + 1);
}

/** What they changed and nobody here did; nothing where both did the same, as when the answer to a save got lost. */
function remarksOn(before: TaskEntry, { current, theirs }: Merge, who: string): readonly string[] {
  const parts = theirs.map((field) => LABELS[field].toLowerCase());
  if (current.status !== before.status) parts.push("state");
  return parts.length === 0
    ? []
    : [`${who} changed the ${new Intl.ListFormat("en").format(parts)} meanwhile. That is kept.`];
}

function failed(answer: Exclude<Answer, { readonly kind: "changed" }>): Outcome {
  if (answer.kind === "unanswered") {
    return { kind: "refused", problems: { form: `${answer.message} What you have typed is kept.` }, isDeleted: false };
  }
  const problems = refusedAt(answer.refusals);
  const isDeleted = answer.refusals.some(isAboutDeleted);
  return {
    kind: "refused",
    problems: hasProblems(problems) ? problems : { form: "It was not saved. Try again." },
    isDeleted,
  };
}

/** The key stands for something else, or for a task that has been deleted since: another intention by now. */
function isAboutKey({ path }: Refusal): boolean {
  return path?.at(-1) === "idempotencyKey";
}

function sameInput(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What is wrong with a form, each thing at its field: found here before it is sent, or told by the API. */
import { lengthOf } from "../../../ui/text-field";
import { wordsFor, type Refusal } from "../send";
import { dueProblem } from "./due";
import { changed, LINKS, type Field, type TaskValues } from "./values";

export const LONGEST_SUBJECT = 255;
export const LONGEST_DESCRIPTION = 100_000;
export const LONGEST_OUTCOME = 100;

/** A field, all three links together, or the form as a whole. */
export type Place = Field | "links" | "outcome" | "notes" | "form";
export type Problems = { readonly [place in Place]?: string };

const PLACES: { readonly [name: string]: Place } = {
  subject: "subject",
  description: "description",
  priority: "priority",
  dueAt: "due",
  assigneeId: "assignee",
  leadId: "lead",
  contactId: "contact",
  accountId: "account",
  outcome: "outcome",
  notes: "notes",
};

/** What the API would refuse anyway, said without asking it. `before` is null for a new task. */
export function problemsOf(values: TaskValues, before: TaskValues | null): Problems {
  // What is stored may be what nobody could type: left as it is, it stands in nobody's way.
  const isTouched = (field: Field): boolean => before === null || changed(before, values).includes(field);
  const due = isTouched("due") ? dueProblem(values.due) : null;
  const had = before === null || LINKS.some((link) => before[link] !== null);
  return {
    ...tooLong("subject", values.subject, LONGEST_SUBJECT),
    ...tooLong("description", values.description, LONGEST_DESCRIPTION),
    ...(isTouched("subject") && values.subject.trim() === "" ? { subject: "Say in a few words what is to be done." } : {}),
    ...(due === null ? {} : { due }),
    // A task whose every record was deleted may stay so.
    ...(had && LINKS.every((link) => values[link] === null)
      ? { links: "Link a lead, a contact or an account. A task needs at least one." }
      : {}),
  };
}

/** The same for what is said when a task is completed. */
export function completionProblems(outcome: string, notes: string): Problems {
  return { ...tooLong("outcome", outcome, LONGEST_OUTCOME), ...tooLong("notes", notes, LONGEST_DESCRIPTION) };
}

/** What the API refused, at the fields that it names. */
export function refusedAt(refusals: readonly Refusal[]): Problems {
  const problems: { [place in Place]?: string } = {};
  for (const refusal of refusals) {
    const { code, path } = refusal;
    const message = wordsFor(refusal);
    const place = PLACES[path?.at(-1) ?? ""] ?? (code === "LINK_REQUIRED" ? "links" : "form");
    problems[place] = problems[place] === undefined ? message : `${problems[place]} ${message}`;
  }
  return problems;
}

export function hasProblems(problems: Problems): boolean {
  return Object.keys(problems).length > 0;
}

function tooLong(place: Place, text: string, longest: number): Problems {
  const length = lengthOf(text);
  if (length <= longest) return {};
  return {
    [place]: `It has ${length.toLocaleString("en")} characters. Shorten it to ${longest.toLocaleString("en")}.`,
  };
}

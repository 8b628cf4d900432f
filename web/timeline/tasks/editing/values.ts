/** What a task form holds, and what of it somebody has changed. */
import type { TaskPriority } from "../../../generated/operations";
import type { TaskEntry } from "../task-entry";
import { localOf, UNDATED, type LocalTime } from "./due";

/** A record or colleague that was picked: enough to show it, and to send it. */
export interface Picked {
  readonly id: string;
  readonly displayName: string;
}

export interface TaskValues {
  readonly subject: string;
  readonly description: string;
  readonly priority: TaskPriority;
  /** As the fields have it, in the reader's time zone; both empty for no due date. */
  readonly due: LocalTime;
  readonly assignee: Picked | null;
  readonly lead: Picked | null;
  readonly contact: Picked | null;
  readonly account: Picked | null;
}

export type Field = keyof TaskValues;
export const FIELDS = [
  "subject",
  "due",
  "priority",
  "assignee",
  "lead",
  "contact",
  "account",
  "description",
] as const satisfies readonly Field[];
export const LINKS = ["lead", "contact", "account"] as const satisfies readonly Field[];
export type LinkField = (typeof LINKS)[number];

export const LABELS: Readonly<Record<Field, string>> = {
  subject: "Subject",
  description: "Description",
  priority: "Priority",
  due: "Due date",
  assignee: "Assignee",
  lead: "Lead",
  contact: "Contact",
  account: "Account",
};

export const EMPTY: TaskValues = {
  subject: "",
  description: "",
  priority: "MEDIUM",
  due: UNDATED,
  assignee: null,
  lead: null,
  contact: null,
  account: null,
};

/** The form of a task as it is now. Lost links are none: what they led to can't be linked again. */
export function valuesOf(task: TaskEntry): TaskValues {
  const linked = (kind: string): Picked | null => {
    const link = task.links.find((each) => each.kind === kind && each.state === "LINKED");
    return link ? { id: link.recordId, displayName: link.label } : null;
  };
  return {
    subject: task.subject,
    description: task.description ?? "",
    priority: task.priority,
    due: localOf(task.dueAt),
    assignee: task.assignee && { id: task.assignee.id, displayName: task.assignee.displayName },
    lead: linked("LEAD"),
    contact: linked("CONTACT"),
    account: linked("ACCOUNT"),
  };
}

/** The fields in which two forms differ: names of one and the same record don't count. */
export function changed(before: TaskValues, after: TaskValues): Field[] {
  return FIELDS.filter((field) => comparable(before[field]) !== comparable(after[field]));
}

function comparable(value: TaskValues[Field]): string | null {
  if (value === null || typeof value === "string") return value;
  // A time without a date says nothing.
  return "id" in value ? value.id : value.date && `${value.date} ${value.time}`;
}

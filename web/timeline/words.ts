/** What the API's enums are called on the page. */
import type { InteractionKind, RecordKind, TaskPriority, TaskStatus } from "../generated/operations";

export const KIND_WORDS: Readonly<Record<InteractionKind, string>> = {
  TASK: "Task",
  CALL: "Call",
  EMAIL: "E-mail",
  MEETING: "Meeting",
  NOTE: "Note",
  SMS: "Text message",
  WHATSAPP: "WhatsApp message",
  OTHER: "Other",
};

export const RECORD_WORDS: Readonly<Record<RecordKind, string>> = { LEAD: "Lead", CONTACT: "Contact", ACCOUNT: "Account" };

export const STATUS_WORDS: Readonly<Record<TaskStatus, string>> = {
  PENDING: "Pending",
  SCHEDULED: "Scheduled",
  COMPLETED: "Completed",
  CANCELLED: "Cancelled",
  UNKNOWN: "Unknown status",
};

export const PRIORITY_WORDS: Readonly<Record<TaskPriority, string>> = {
  HIGH: "High",
  MEDIUM: "Medium",
  LOW: "Low",
  UNKNOWN: "Unknown",
};

/** "Contact only", "Lead and account", "No link". */
export function linksWords(kinds: readonly RecordKind[]): string {
  const [first, ...others] = kinds;
  if (first === undefined) return "No link";
  if (others.length === 0) return `${RECORD_WORDS[first]} only`;
  const names = others.map((kind) => RECORD_WORDS[kind].toLowerCase());
  return [RECORD_WORDS[first], ...names].join(", ").replace(/, (\w+)$/, " and $1");
}

/** What is sent for a form: of a new task what was filled in, of another one only what was changed. */
import type { CreateTaskInput, UpdateTaskInput } from "../../../generated/operations";
import type { TaskEntry } from "../task-entry";
import { instantOf } from "./due";
import type { Field, TaskValues } from "./values";

type Changes = Omit<UpdateTaskInput, "id">;

const INPUTS: { readonly [field in Field]: (values: TaskValues) => Changes } = {
  subject: ({ subject }) => ({ subject: subject.trim() }),
  description: ({ description }) => ({ description: description.trim() === "" ? null : description }),
  priority: ({ priority }) => ({ priority }),
  due: ({ due }) => ({ dueAt: instantOf(due) }),
  assignee: ({ assignee }) => ({ assigneeId: assignee?.id ?? null }),
  lead: ({ lead }) => ({ leadId: lead?.id ?? null }),
  contact: ({ contact }) => ({ contactId: contact?.id ?? null }),
  account: ({ account }) => ({ accountId: account?.id ?? null }),
};

/** The input of a new task. The same form with the same key makes the same input, so that it can be sent again. */
export function createInput(values: TaskValues, idempotencyKey: string): CreateTaskInput {
  const { subject, description, priority, due, assignee, lead, contact, account } = values;
  return {
    subject: subject.trim(),
    ...(description.trim() === "" ? {} : { description }),
    priority,
    ...(due.date === "" ? {} : { dueAt: instantOf(due) }),
    ...(assignee && { assigneeId: assignee.id }),
    ...(lead && { leadId: lead.id }),
    ...(contact && { contactId: contact.id }),
    ...(account && { accountId: account.id }),
    idempotencyKey,
  };
}

/** Changes of these fields and no others: what is left out keeps its value, a due time to the second. */
export function updateInput(task: TaskEntry, values: TaskValues, fields: readonly Field[]): UpdateTaskInput {
  const changes = fields.map((field) => INPUTS[field](values));
  return Object.assign({ id: task.id, expectedVersion: task.version }, ...changes) as UpdateTaskInput;
}

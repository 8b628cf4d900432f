/** In which order the organization's tasks come, and what stands over them. */
import type { TaskOrder } from "../../generated/operations";
import type { Tab } from "../address/view";
import type { Heading, Line } from "../list/line";
import { bucketOf } from "../record/todo";
import { isTask } from "../tasks/task-entry";
import { month, monthKey } from "../time/dates";

const BY_DUE_DATE: readonly TaskOrder[] = [{ field: "DUE_AT", direction: "ASC", nulls: "LAST" }];

/** Open tasks by when they are due, the first on top; finished ones and all together with the latest on top. */
export const ORDERS: Readonly<Record<Tab, readonly TaskOrder[]>> = {
  all: [{ field: "CREATED_AT", direction: "DESC", nulls: "LAST" }],
  open: BY_DUE_DATE,
  overdue: BY_DUE_DATE,
  completed: [{ field: "COMPLETED_AT", direction: "DESC", nulls: "LAST" }],
};

export function headingOf(tab: Tab, line: Line, zone: string): Heading | null {
  if (tab === "open" || tab === "overdue") return bucketOf(line);
  const { entry } = line;
  const at = tab === "completed" ? isTask(entry) && entry.completedAt : entry.createdAt;
  if (!at) return null;
  const key = monthKey(at, zone);
  return { key, text: tab === "completed" ? month(key) : `Created in ${month(key)}`, count: null };
}

/** New tasks that are being saved: shown above a view's lists, with their links, until they are in them. */
import { Circle } from "lucide-react";
import { useSyncExternalStore } from "react";
import type { View } from "../address/view";
import { Chips, type Link } from "../entry/chips";
import { DueBadge } from "../entry/due-badge";
import "../entry/entry.css";
import { isFiltered } from "../filters/set-filters";
import type { Pages } from "../list/pages";
import { useConnection } from "../live/use-live";
import { instantOf } from "./editing/due";
import { LINKS, type LinkField, type TaskValues } from "./editing/values";
import type { PendingTask } from "./pending-tasks";
import "./pending-list.css";

interface PendingListProps {
  readonly view: View;
  readonly lists: readonly Pages[];
}

/** Nothing while a list is read further down, where nothing may move. */
export function PendingList({ view, lists }: PendingListProps) {
  const { pending } = useConnection();
  const tasks = useSyncExternalStore(pending.listen, pending.all).filter((task) => belongs(task, view));
  if (tasks.length === 0 || !lists.every(({ isAtStart }) => isAtStart)) return null;
  return (
    <div role="list" aria-label="Being saved" className="pending-list">
      {tasks.map(({ key, values }) => (
        <PendingEntry key={key} values={values} />
      ))}
    </div>
  );
}

function PendingEntry({ values }: { readonly values: TaskValues }) {
  const dueAt = instantOf(values.due);
  return (
    <div role="listitem" className="entry entry--task">
      <span className="entry__icon">
        <Circle size={16} aria-hidden />
      </span>
      <span className="entry__subject" dir="auto">
        {values.subject.trim()}
      </span>
      <div className="entry__when">{dueAt === null ? null : <DueBadge dueAt={dueAt} />}</div>
      <div className="entry__facts">
        <span className="badge badge--info">Saving…</span>
        <Chips links={LINKS.flatMap((link) => linkOf(link, values))} />
      </div>
    </div>
  );
}

/** Only where it will surely stand: what a filter makes of it the API alone knows. */
function belongs({ values }: PendingTask, view: View): boolean {
  if (isFiltered(view) || (view.tab !== "all" && view.tab !== "open")) return false;
  return view.record === null || LINKS.some((link) => values[link]?.id === view.record?.id);
}

const KINDS = { lead: "LEAD", contact: "CONTACT", account: "ACCOUNT" } as const;

function linkOf(link: LinkField, values: TaskValues): readonly Link[] {
  const record = values[link];
  if (record === null) return [];
  const { id: recordId, displayName: label } = record;
  return [{ __typename: "RecordLink", kind: KINDS[link], state: "LINKED", recordId, label, lostAt: null }];
}

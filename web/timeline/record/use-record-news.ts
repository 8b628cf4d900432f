/** What happens to a record's lists while they are looked at: shown in place, counted, or kept until it is asked for. */
import { useCallback } from "react";
import { TimelineEventsDocument, type EntryFragment, type TimelineEventsSubscription } from "../../generated/operations";
import type { View } from "../address/view";
import { timelineFilter } from "../address/view-filters";
import { useSame } from "../list/use-screen";
import { useArrivals, type Arrivals, type News } from "../live/arrivals";
import { useConnection, useLive, useOwnChanges, type LiveEvent } from "../live/use-live";
import { isOpen, isTask } from "../tasks/task-entry";
import type { RecordLists } from "./use-record";

export function useRecordNews(view: View, lists: RecordLists): News {
  const { question, screen, todo, history, count } = lists;
  const { own } = useConnection();
  const { record, related, timeZone } = question;
  const arrivals = useArrivals(question);
  const data = screen.data;
  const show = useShow(lists, arrivals);

  useLive({
    since: (data?.history ?? data?.todo)?.resumeToken ?? null,
    document: TimelineEventsDocument,
    variables: useSame({ record, related, timeZone, filter: timelineFilter(view) }),
    eventOf,
    onEvent: ({ id, entry, matches }) => {
      count();
      const isOurs = entry !== null && isTask(entry) && own.isOurs(entry);
      arrivals.note(id, matches && entry !== null && !isOurs && !isDeleted(entry) && isNews(entry, lists));
    },
    onExpired: () => void screen.refresh(),
  });
  useOwnChanges(({ id }) => {
    // The news of it may have been quicker than the answer that it is ours.
    arrivals.note(id, false);
    count();
    // Where only the first pages are seen, what one does is seen at once; further down everything stays in its place.
    if (todo.isAtStart && history.isAtStart) void screen.refresh();
  });
  return { count: arrivals.count, show };
}

function useShow({ screen, todo, history }: RecordLists, { take }: Arrivals): () => Promise<void> {
  const { refresh } = screen;
  return useCallback(async () => {
    const forget = take();
    if (!(await refresh())) return;
    todo.jump(null);
    history.jump(null);
    scrollTo({ top: 0 });
    forget();
  }, [refresh, todo, history, take]);
}

/** Whether it isn't where it belongs, although that part of the list is on the page. */
function isNews(entry: EntryFragment, { question, todo, history }: RecordLists): boolean {
  const isTodo = question.hasTodo && isTask(entry) && isOpen(entry);
  if (!isTodo && !question.hasHistory) return false;
  const pages = isTodo ? todo : history;
  if (pages.has(entry.id)) return false;
  // Both go on from where their last page ends: what is to be done to later things, what was to earlier ones.
  const ends = pages.end.map((line) => line.entry.occursAt).sort();
  const end = isTodo ? ends.at(-1) : ends.at(0);
  return end === undefined || (isTodo ? entry.occursAt <= end : entry.occursAt >= end);
}

function isDeleted(entry: EntryFragment): boolean {
  return isTask(entry) && entry.deletedAt !== null;
}

function eventOf({ timelineEvents: event }: TimelineEventsSubscription): LiveEvent {
  const { type, cursor, matchesFilter, interactionId, interaction } = event;
  return { type, cursor, matches: matchesFilter, id: interactionId, entry: interaction };
}

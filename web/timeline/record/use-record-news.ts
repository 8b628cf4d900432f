/** What happens to a record's lists while they are looked at: shown in place, counted, or kept until it is asked for. */
import { TimelineEventsDocument, type EntryFragment, type TimelineEventsSubscription } from "../../generated/operations";
import type { View } from "../address/view";
import { timelineFilter } from "../address/view-filters";
import { useSame } from "../list/use-screen";
import type { News } from "../live/arrivals";
import { useConnection, useLive, type LiveEvent } from "../live/use-live";
import { useNews } from "../live/use-news";
import { isOpen, isTask } from "../tasks/task-entry";
import type { RecordLists } from "./use-record";

export function useRecordNews(view: View, lists: RecordLists): News {
  const { question, screen, todo, history, count } = lists;
  const { own } = useConnection();
  const { record, related, timeZone } = question;
  const news = useNews({ question, screen, lists: [todo, history], count });
  const { data } = screen;

  useLive({
    since: (data?.history ?? data?.todo)?.resumeToken ?? null,
    document: TimelineEventsDocument,
    variables: useSame({ record, related, timeZone, filter: timelineFilter(view) }),
    eventOf,
    onEvent: async ({ id, name, entry, matches }) => {
      count();
      const isOurs = entry !== null && isTask(entry) && (await own.isOurs(entry, name));
      news.note(id, matches && entry !== null && !isOurs && !isDeleted(entry) && isNews(entry, lists));
    },
    onExpired: news.reread,
  });
  return news;
}

/** Whether it isn't where it belongs, although that part of the list is on the page. */
function isNews(entry: EntryFragment, { question, todo, history }: RecordLists): boolean {
  const isTodo = question.hasTodo && isTask(entry) && isOpen(entry);
  if (!isTodo && !question.hasHistory) return false;
  const pages = isTodo ? todo : history;
  if (pages.has(entry.id)) return false;
  // What was goes on to earlier things from where its last page ends.
  const end = pages.end.at(-1)?.entry;
  return isTodo ? isBefore(entry, end) : end === undefined || entry.occursAt >= end.occursAt;
}

/** Whether a task stands above the last one that is there: what is due first, then what has no date. */
function isBefore(entry: EntryFragment, end: EntryFragment | undefined): boolean {
  if (end === undefined) return true;
  return isDated(entry) === isDated(end) ? entry.occursAt <= end.occursAt : isDated(entry);
}

function isDated(entry: EntryFragment): boolean {
  return isTask(entry) && entry.dueAt !== null;
}

function isDeleted(entry: EntryFragment): boolean {
  return isTask(entry) && entry.deletedAt !== null;
}

function eventOf({ timelineEvents: event }: TimelineEventsSubscription): LiveEvent {
  const { type, cursor, matchesFilter, clientMutationId, interactionId, interaction } = event;
  return { type, cursor, matches: matchesFilter, name: clientMutationId, id: interactionId, entry: interaction };
}

/** The organization's tasks of a view, as they are now. */
import { useMemo } from "react";
import { useClient } from "urql";
import { TaskCountsDocument, TaskEventsDocument, TasksDocument, type TaskEventsSubscription, type TasksQuery } from "../../generated/operations";
import type { View } from "../address/view";
import { countFilter, taskFilter } from "../address/view-filters";
import { namedIds } from "../filters/names";
import type { Pages } from "../list/pages";
import { PAGE_SIZE, tasksDownwards, useTasksDown } from "../list/sources";
import { nameOf, usePages } from "../list/use-pages";
import { useSame, useScreen, type Screen } from "../list/use-screen";
import type { News } from "../live/arrivals";
import { inTurns } from "../live/in-turns";
import { useConnection, useLive, type LiveEvent } from "../live/use-live";
import { useNews } from "../live/use-news";
import { useSoon } from "../live/use-soon";
import { ORDERS } from "./task-order";

export interface TaskList {
  readonly screen: Screen<TasksQuery>;
  readonly pages: Pages;
  readonly news: News;
}

// Counting reads every task that the filters leave.
const COUNT_MS = 1_000;

export function useTasks(view: View, timeZone: string): TaskList {
  const list = useSame({ filter: taskFilter(view), orderBy: ORDERS[view.tab], timeZone });
  const counted = useSame({ filter: countFilter(view), timeZone });
  const screen = useScreen(TasksDocument, { ...list, counted: counted.filter, size: PAGE_SIZE, named: namedIds(view) });
  const tasks = screen.data?.tasks;
  const pages = usePages(
    nameOf("tasks", list),
    useTasksDown(list),
    useMemo(() => (tasks ? tasksDownwards(tasks) : null), [tasks]),
  );
  return { screen, pages, news: useTaskNews(list, counted, screen, pages) };
}

type Question = Parameters<typeof useTasksDown>[0];
type Counted = Pick<Question, "filter" | "timeZone">;

function useTaskNews(list: Question, counted: Counted, screen: Screen<TasksQuery>, pages: Pages): News {
  const client = useClient();
  const { own } = useConnection();
  const ask = useMemo(
    () => inTurns(() => client.query(TaskCountsDocument, counted, { requestPolicy: "network-only" }).toPromise()),
    [client, counted],
  );
  const count = useSoon(() => void ask(), COUNT_MS);
  const news = useNews({ question: list, screen, lists: [pages], count });

  useLive({
    since: screen.data?.tasks?.resumeToken ?? null,
    document: TaskEventsDocument,
    variables: useSame({ filter: list.filter, timeZone: list.timeZone }),
    eventOf,
    onEvent: async ({ id, name, entry, matches }) => {
      count();
      const isThere = entry?.__typename === "Task" && entry.deletedAt === null && !(await own.isOurs(entry, name));
      news.note(id, matches && isThere && !pages.has(id));
    },
    onExpired: news.reread,
  });
  return news;
}

function eventOf({ taskEvents: event }: TaskEventsSubscription): LiveEvent {
  const { type, cursor, matchesFilter, clientMutationId, taskId, task } = event;
  return { type, cursor, matches: matchesFilter, name: clientMutationId, id: taskId, entry: task };
}

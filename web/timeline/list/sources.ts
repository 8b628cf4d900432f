/** The pages of each list, as the API has them. */
import { useCallback } from "react";
import {
  TaskPageDocument,
  TimelinePageDocument,
  type EntryPageFragment,
  type TaskFilter,
  type TaskOrder,
  type TaskPageFragment,
  type TimelinePageQueryVariables,
} from "../../generated/operations";
import { useConnection } from "../live/use-live";
import type { Line } from "./line";
import type { Answer, Ask, Place } from "./slots";
import { useSame } from "./use-screen";

export const PAGE_SIZE = 50;

/** A timeline from the newest down. */
export function useTimelineDown(variables: TimelinePageQueryVariables): Ask {
  const { farPages } = useConnection();
  return useCallback(
    (place, tell) => farPages.follow({ ...TIMELINE, variables: { ...variables, ...down(place) }, answerOf: downwards }, tell),
    [farPages, variables],
  );
}

export interface TodoVariables extends Omit<TimelinePageQueryVariables, "filter"> {
  readonly due: TimelinePageQueryVariables["filter"];
  readonly undated: TimelinePageQueryVariables["filter"];
}

/** Two timelines from the oldest up, as one list: what is due, the first on top, and after all of it what has no date. */
export function useTodoDown({ due, undated, ...variables }: TodoVariables): Ask {
  const { farPages } = useConnection();
  const same = useSame({ due, undated, variables });
  return useCallback(
    (place, tell) => {
      const { part, cursor } = todoPlace("below" in place ? place.below : DUE);
      const answerOf = part === DUE ? dueUpwards : undatedUpwards;
      const page = { last: PAGE_SIZE, ...(cursor === "" ? {} : { before: cursor }) };
      const filter = part === DUE ? same.due : same.undated;
      return farPages.follow({ ...TIMELINE, variables: { ...same.variables, filter, ...page }, answerOf }, tell);
    },
    [farPages, same],
  );
}

export interface TaskListVariables {
  readonly filter: TaskFilter;
  readonly orderBy: readonly TaskOrder[];
  readonly timeZone: string;
}

export function useTasksDown(variables: TaskListVariables): Ask {
  const { farPages } = useConnection();
  return useCallback(
    (place, tell) => farPages.follow({ ...TASKS, variables: { ...variables, ...down(place) }, answerOf: tasksDownwards }, tell),
    [farPages, variables],
  );
}

const TIMELINE = { name: "timeline", document: TimelinePageDocument } as const;
const TASKS = { name: "tasks", document: TaskPageDocument } as const;

export function downwards({ edges, pageInfo }: EntryPageFragment): Answer {
  return {
    lines: edges.map(lineOf).filter(isThere),
    above: pageInfo.hasPreviousPage ? pageInfo.startCursor : null,
    below: pageInfo.hasNextPage ? pageInfo.endCursor : null,
  };
}

// The list of what is to be done goes on from a place in one of its two parts: "due <cursor>", or "undated" from the start.
const DUE = "due";
const UNDATED = "undated";

function todoPlace(place: string) {
  const [part, cursor = ""] = place.split(" ");
  return { part, cursor };
}

/** The first page: with what has no date only when all that is due is on it. */
export function todoStart(due: EntryPageFragment, undated: EntryPageFragment): Answer {
  const [first, rest] = [dueUpwards(due), undatedUpwards(undated)];
  if (due.pageInfo.hasPreviousPage) return first;
  return { ...rest, lines: [...first.lines, ...rest.lines] };
}

function dueUpwards(page: EntryPageFragment): Answer {
  const { hasPreviousPage, startCursor } = page.pageInfo;
  return { lines: upwards(page), above: null, below: hasPreviousPage ? `${DUE} ${startCursor}` : UNDATED };
}

function undatedUpwards(page: EntryPageFragment): Answer {
  const { hasPreviousPage, startCursor } = page.pageInfo;
  return { lines: upwards(page), above: null, below: hasPreviousPage ? `${UNDATED} ${startCursor}` : null };
}

function upwards({ edges }: EntryPageFragment): readonly Line[] {
  return edges.map(lineOf).filter(isThere).reverse();
}

export function tasksDownwards({ edges, pageInfo }: TaskPageFragment): Answer {
  return {
    lines: edges.map(({ node }) => ({ entry: node, via: [] })).filter(isThere),
    above: pageInfo.hasPreviousPage ? pageInfo.startCursor : null,
    below: pageInfo.hasNextPage ? pageInfo.endCursor : null,
  };
}

function lineOf({ node, via }: EntryPageFragment["edges"][number]): Line {
  return { entry: node, via };
}

/** A deleted task leaves its list at once, and is back in its place when that is undone. */
function isThere({ entry }: Line): boolean {
  return entry.__typename !== "Task" || entry.deletedAt === null;
}

function down(place: Place) {
  if ("at" in place) return { at: place.at, first: PAGE_SIZE };
  return "below" in place ? { first: PAGE_SIZE, after: place.below } : { last: PAGE_SIZE, before: place.above };
}

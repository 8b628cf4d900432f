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

export const PAGE_SIZE = 50;

/** A timeline from the newest down. */
export function useTimelineDown(variables: TimelinePageQueryVariables): Ask {
  const { farPages } = useConnection();
  return useCallback(
    (place, tell) => farPages.follow({ ...TIMELINE, variables: { ...variables, ...down(place) }, answerOf: downwards }, tell),
    [farPages, variables],
  );
}

/** A timeline from the oldest up: what is due first comes first. */
export function useTimelineUp(variables: TimelinePageQueryVariables): Ask {
  const { farPages } = useConnection();
  return useCallback(
    (place, tell) => farPages.follow({ ...TIMELINE, variables: { ...variables, ...up(place) }, answerOf: upwards }, tell),
    [farPages, variables],
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

/** What has no due date stands on a timeline where it was made; among what is to be done it comes last. */
export function upwards({ edges, pageInfo }: EntryPageFragment): Answer {
  const lines = edges.map(lineOf).filter(isThere).reverse();
  return {
    lines: [...lines.filter(isDue), ...lines.filter((line) => !isDue(line))],
    above: pageInfo.hasNextPage ? pageInfo.endCursor : null,
    below: pageInfo.hasPreviousPage ? pageInfo.startCursor : null,
  };
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

function isDue({ entry }: Line): boolean {
  return entry.__typename === "Task" && entry.dueAt !== null;
}

/** A deleted task leaves its list at once, and is back in its place when that is undone. */
function isThere({ entry }: Line): boolean {
  return entry.__typename !== "Task" || entry.deletedAt === null;
}

function down(place: Place) {
  if ("at" in place) return { at: place.at, first: PAGE_SIZE };
  return "below" in place ? { first: PAGE_SIZE, after: place.below } : { last: PAGE_SIZE, before: place.above };
}

function up(place: Place) {
  if ("at" in place) return { at: place.at, last: PAGE_SIZE };
  return "below" in place ? { last: PAGE_SIZE, before: place.below } : { first: PAGE_SIZE, after: place.above };
}

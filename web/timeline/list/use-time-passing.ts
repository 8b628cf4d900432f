/** What is due changes by itself: piles and numbers of a page that stays open must follow the clock. */
import { useEffect, useRef } from "react";
import { isOpen, isTask } from "../tasks/task-entry";
import { useClock } from "../time/clock";
import { daysBetween } from "../time/dates";
import type { Line } from "./line";
import type { Pages } from "./pages";

/** Act when an open task of these lists has fallen due, and when another day has begun. */
export function useTimePassing(lists: readonly Pages[], act: () => void): void {
  const { now, zone } = useClock();
  const seen = useRef(now);
  useEffect(() => {
    const before = seen.current;
    seen.current = now;
    const lines = lists.flatMap((pages) => pages.slots().flatMap(({ answer }) => answer?.lines ?? []));
    if (daysBetween(before, now, zone) !== 0 || lines.some((line) => fallsDue(line, before, now))) act();
    // Only time makes it look again.
  }, [now, zone]);
}

function fallsDue({ entry }: Line, after: number, until: number): boolean {
  if (!isTask(entry) || !isOpen(entry) || entry.dueAt === null) return false;
  const due = Date.parse(entry.dueAt);
  return due > after && due <= until;
}

/** The open tasks of a record, what is due first on top, in piles by due date. */
import type { DueBucket } from "../../generated/operations";
import type { Heading, Line } from "../list/line";
import { List } from "../list/list";
import type { Pages } from "../list/pages";
import { isTask } from "../tasks/task-entry";
import "./todo.css";

const WORDS: Readonly<Record<DueBucket, string | null>> = {
  OVERDUE: "Overdue",
  TODAY: "Today",
  THIS_WEEK: "This week",
  LATER: "Later",
  NO_DUE_DATE: "No due date",
  // Somebody has just closed it: it stays where it was until the list is read anew.
  CLOSED: null,
};

// Above the history stand the next few things to do; the rest is a click away.
const NEXT_FEW = 8;

export interface BucketCount {
  readonly key: string;
  readonly count: number;
}

interface TodoProps {
  readonly pages: Pages;
  readonly counts: readonly BucketCount[];
  /** Goes on by itself where nothing follows it on the page. */
  readonly isEndless: boolean;
}

export function Todo({ pages, counts, isEndless }: TodoProps) {
  return (
    <section className="todo" aria-labelledby="todo">
      <h2 id="todo" className="visually-hidden">
        To do
      </h2>
      <List
        key={pages.name}
        label="To do"
        order={0}
        pages={pages}
        headingOf={(line) => bucketOf(line, counts)}
        total={counts.reduce((sum, { count }) => sum + count, 0)}
        isEndless={isEndless}
        {...(isEndless ? {} : { few: NEXT_FEW })}
      />
    </section>
  );
}

/** The pile of a task, with how many tasks the server has counted in it. */
export function bucketOf({ entry }: Line, counts: readonly BucketCount[] = []): Heading | null {
  if (!isTask(entry)) return null;
  const key = entry.bucket;
  const text = WORDS[key];
  if (text === null) return null;
  return { key, text, count: counts.find((each) => each.key === key)?.count ?? null, isLate: key === "OVERDUE" };
}

/** A record's lists and numbers, as they are now. */
import { useMemo, useState } from "react";
import { useClient } from "urql";
import {
  TimelineCountsDocument,
  TimelineDocument,
  type MonthFragment,
  type TimelineCountsQuery,
  type TimelineQuery,
  type TimelineQueryVariables,
} from "../../generated/operations";
import type { RecordId, View } from "../address/view";
import type { Pages } from "../list/pages";
import { downwards, todoStart, useTimelineDown, useTodoDown } from "../list/sources";
import { nameOf, usePages } from "../list/use-pages";
import { useSame, useScreen, type Screen } from "../list/use-screen";
import { inTurns } from "../live/in-turns";
import { useSoon } from "../live/use-soon";
import { recordQuestion } from "./record-question";
import type { BucketCount } from "./todo";

export interface RecordLists {
  readonly question: TimelineQueryVariables;
  readonly screen: Screen<TimelineQuery>;
  readonly todo: Pages;
  readonly history: Pages;
  /** Newest first. */
  readonly months: readonly MonthFragment[];
  readonly buckets: readonly BucketCount[];
  /** Count anew, soon: for much that happens at once only once. */
  readonly count: () => void;
  /** Counting found that somebody has deleted the record. */
  readonly isGone: boolean;
}

// Counting reads every entry of the record.
const COUNT_MS = 1_000;

export function useRecord(view: View, record: RecordId, timeZone: string): RecordLists {
  const question = useSame(recordQuestion(view, record, timeZone));
  const screen = useScreen(TimelineDocument, question);
  const { data } = screen;
  const { record: ref, related, due, undated, history: filter } = question;
  const todoQuestion = useSame({ record: ref, related, timeZone, due, undated });
  const historyQuestion = useSame({ record: ref, related, timeZone, filter });
  const todo = usePages(
    nameOf("todo", todoQuestion),
    useTodoDown(todoQuestion),
    useMemo(() => (data?.due && data.undated ? todoStart(data.due, data.undated) : null), [data?.due, data?.undated]),
  );
  const history = usePages(
    nameOf("history", historyQuestion),
    useTimelineDown(historyQuestion),
    useMemo(() => (data?.history ? downwards(data.history) : null), [data?.history]),
  );
  const [counts, count] = useRecordCounts(question);
  return {
    question,
    screen,
    todo,
    history,
    months: counts?.history?.groups ?? data?.history?.groups ?? [],
    buckets: counts?.todo?.groups ?? data?.todo?.groups ?? [],
    count,
    isGone: counts !== null && counts.node === null,
  };
}

interface Counted {
  readonly question: TimelineQueryVariables;
  readonly counts: TimelineCountsQuery;
}

/** The numbers as they were last counted, and a way to count anew; null until then. */
function useRecordCounts(question: TimelineQueryVariables): readonly [TimelineCountsQuery | null, () => void] {
  const client = useClient();
  const [counted, setCounted] = useState<Counted | null>(null);
  const ask = useMemo(
    () =>
      inTurns(async () => {
        const { todoSize: _todo, due: _due, undated: _undated, historySize: _history, named: _named, ...variables } = question;
        const { data } = await client.query(TimelineCountsDocument, variables, { requestPolicy: "network-only" }).toPromise();
        if (data) setCounted({ question, counts: data });
      }),
    [client, question],
  );
  const count = useSoon(() => void ask(), COUNT_MS);
  return [counted?.question === question ? counted.counts : null, count];
}

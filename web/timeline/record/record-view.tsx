/** One record: what is to be done on top, below it what was, by month. */
import { useCallback, useRef, useState, type RefObject } from "react";
import { flushSync } from "react-dom";
import type { MonthFragment, RecordHeadFragment } from "../../generated/operations";
import { isId, type RecordId, type View } from "../address/view";
import { EmptyView } from "../filters/empty-view";
import { Filters } from "../filters/filters";
import { namesOf } from "../filters/names";
import { recordCounts } from "../filters/tab-counts";
import { TabPanel, Tabs } from "../filters/tabs";
import { coveredTop } from "../list/in-sight";
import { Failed, isMissing, Waiting } from "../list/states";
import { useSlots } from "../list/use-pages";
import { ArrivalsButton } from "../live/arrivals";
import { NewTask } from "../tasks/new-task";
import { PendingList } from "../tasks/pending-list";
import type { Links } from "../tasks/task-forms";
import { useClock } from "../time/clock";
import { monthKey } from "../time/dates";
import { Header } from "./header";
import { History } from "./history";
import { Months } from "./months";
import { NotFound } from "./not-found";
import { Todo } from "./todo";
import { useRecord, type RecordLists } from "./use-record";
import { useRecordNews } from "./use-record-news";

interface RecordViewProps {
  readonly view: View;
  readonly record: RecordId;
}

export function RecordView(props: RecordViewProps) {
  // Nobody needs to be asked whether there is a record of this name.
  return isId(props.record.id) ? <KnownRecord {...props} /> : <NotFound record={props.record} />;
}

function KnownRecord({ view, record }: RecordViewProps) {
  const { zone } = useClock();
  const lists = useRecord(view, record, zone);
  const { screen, months } = lists;
  const news = useRecordNews(view, lists);
  const [month, setMonth] = useState<string | null>(null);
  const top = useRef<HTMLDivElement>(null);
  const go = useGo(lists, top, zone);

  if (screen.failure && isMissing(screen.failure)) return <NotFound record={record} />;
  const head = headOf(screen.latest);
  // Somebody has deleted it while it was looked at.
  if (lists.isGone || (screen.data !== null && head === null)) return <NotFound record={record} />;
  return (
    <>
      <Header record={head}>
        <NewTask links={head ? linksOf(record, head) : null} />
      </Header>
      <div className="page__controls">
        <Tabs counts={recordCounts(view, head?.taskStats ?? null, screen.latest)} isCounted={screen.data !== null} />
        <Filters names={namesOf(view, screen.data, screen.latest)} />
      </div>
      <div className="page__columns">
        <TabPanel>
          <ArrivalsButton count={news.count} onShow={() => void news.show()} />
          <PendingList view={view} lists={[lists.todo, lists.history]} />
          <Lists view={view} lists={lists} anchor={top} onSeeMonth={setMonth} />
        </TabPanel>
        {months.length < 2 ? null : <Months months={months} current={month ?? months[0]?.key ?? null} onGo={go} />}
      </div>
    </>
  );
}

interface ListsProps {
  readonly view: View;
  readonly lists: RecordLists;
  /** Where the history begins. */
  readonly anchor: RefObject<HTMLDivElement | null>;
  readonly onSeeMonth: (month: string) => void;
}

function Lists({ view, lists, anchor, onSeeMonth }: ListsProps) {
  const { question, screen, todo, history, months, buckets } = lists;
  const hasTodo = useSlots(todo).some(({ keys }) => keys.length > 0);
  const hasHistory = useSlots(history).length > 0 && months.length > 0;
  if (screen.data === null && screen.failure) return <Failed failure={screen.failure} onRetry={() => void screen.refresh()} />;
  if (screen.data === null) return <Waiting lines={8} />;
  if (!hasTodo && !hasHistory) return <EmptyView view={view} />;
  return (
    <>
      {hasTodo ? <Todo pages={todo} counts={buckets} isEndless={!question.hasHistory} /> : null}
      {/* After a jump it fills the window, so that the month can stand on top of it however little has come yet. */}
      <div ref={anchor} className="page__history" style={history.at === null ? undefined : { minHeight: "100vh" }}>
        {hasHistory ? <History pages={history} months={months} onSee={onSeeMonth} /> : null}
      </div>
    </>
  );
}

/** Go to a month: down the page when it is there, otherwise the list begins with it. */
function useGo({ history }: RecordLists, top: RefObject<HTMLDivElement | null>, zone: string) {
  return useCallback(
    ({ key, endsAt }: MonthFragment) => {
      const isFirst = history.slots()[0]?.place === null && firstMonth(history, zone) === key;
      flushSync(() => history.jump(isFirst || endsAt === null ? null : justBefore(endsAt)));
      const below = top.current?.getBoundingClientRect().top ?? 0;
      scrollBy({ top: below - coveredTop(), behavior: "instant" });
    },
    [history, top, zone],
  );
}

function firstMonth(history: RecordLists["history"], zone: string): string | null {
  const line = history.slots()[0]?.answer?.lines[0];
  return line ? monthKey(line.entry.occursAt, zone) : null;
}

/** The last microsecond, which is as fine as the API's clock, before an instant. */
function justBefore(instant: string): string {
  return new Date(Date.parse(instant) - 1).toISOString().replace("Z", "999Z");
}

function headOf(data: RecordLists["screen"]["latest"]): RecordHeadFragment | null {
  const node = data?.node;
  return node && "displayName" in node ? node : null;
}

function linksOf({ kind }: RecordId, { id, displayName }: RecordHeadFragment): Links {
  const picked = { id, displayName };
  if (kind === "LEAD") return { lead: picked };
  return kind === "CONTACT" ? { contact: picked } : { account: picked };
}

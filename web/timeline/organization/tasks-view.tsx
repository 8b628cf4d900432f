/** The tasks of the organization. */
import type { Tab, View } from "../address/view";
import { EmptyView } from "../filters/empty-view";
import { Filters } from "../filters/filters";
import { namesOf } from "../filters/names";
import { taskCounts } from "../filters/tab-counts";
import { TabPanel, Tabs } from "../filters/tabs";
import type { Line } from "../list/line";
import { List } from "../list/list";
import { Failed, Waiting } from "../list/states";
import { useSlots } from "../list/use-pages";
import { ArrivalsButton } from "../live/arrivals";
import { Header } from "../record/header";
import { NewTask } from "../tasks/new-task";
import { PendingList } from "../tasks/pending-list";
import { useClock } from "../time/clock";
import { headingOf } from "./task-order";
import { useTasks, type TaskList } from "./use-tasks";

const COUNTED: Readonly<Record<Tab, "total" | "open" | "overdue" | "completed">> = {
  all: "total",
  open: "open",
  overdue: "overdue",
  completed: "completed",
};

/** Stand above the piles for whoever goes from heading to heading; others see the tab. */
const TITLES: Readonly<Record<Tab, string>> = {
  all: "All tasks",
  open: "Open tasks",
  overdue: "Overdue tasks",
  completed: "Completed tasks",
};

export function TasksView({ view }: { readonly view: View }) {
  const { zone } = useClock();
  const list = useTasks(view, zone);
  const { screen } = list;
  return (
    <>
      <Header record={null}>
        <NewTask links={{}} />
      </Header>
      <div className="page__controls">
        <Tabs counts={taskCounts(screen.latest?.taskStats ?? null)} isCounted={screen.data !== null} />
        <Filters names={namesOf(view, screen.data, screen.latest)} />
      </div>
      <TabPanel>
        <ArrivalsButton count={list.news.count} onShow={() => void list.news.show()} />
        <PendingList view={view} lists={[list.pages]} />
        <Shown view={view} list={list} />
      </TabPanel>
    </>
  );
}

function Shown({ view, list: { screen, pages } }: { readonly view: View; readonly list: TaskList }) {
  const { zone } = useClock();
  const isEmpty = useSlots(pages).every(({ keys }) => keys.length === 0);
  const { data, failure } = screen;
  if (data === null && failure) return <Failed failure={failure} onRetry={() => void screen.refresh()} />;
  if (data === null) return <Waiting lines={8} />;
  if (isEmpty) return <EmptyView view={view} />;
  return (
    <section className="list" aria-label="Tasks">
      <h2 className="visually-hidden">{TITLES[view.tab]}</h2>
      <List
        key={pages.name}
        label="Tasks"
        order={0}
        pages={pages}
        headingOf={(line: Line) => headingOf(view.tab, line, zone)}
        total={data.taskStats[COUNTED[view.tab]]}
        isEndless
        isByCreation={view.tab === "all"}
      />
    </section>
  );
}

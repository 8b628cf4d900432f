/** The tasks of the organization. */
import { useMemo } from "react";
import { TasksDocument } from "../generated/operations";
import { EmptyView } from "./empty-view";
import { Filters } from "./filters";
import { Header } from "./header";
import type { Line } from "./line";
import { List } from "./list";
import { NewTask } from "./new-task";
import { useClock } from "./now";
import { usePages, useSlots } from "./pages";
import { useSame, useScreen } from "./screen";
import { PAGE_SIZE, tasksDownwards, useTasksDown } from "./sources";
import { Failed, Waiting } from "./states";
import { TabPanel, Tabs } from "./tabs";
import { headingOf, ORDERS } from "./task-order";
import { taskFilter, type Tab, type View } from "./view";

const COUNTED: Readonly<Record<Tab, "total" | "open" | "overdue" | "completed">> = {
  all: "total",
  open: "open",
  overdue: "overdue",
  completed: "completed",
};

export function TasksView({ view }: { readonly view: View }) {
  const { zone } = useClock();
  const list = useSame({ filter: taskFilter(view), orderBy: ORDERS[view.tab], timeZone: zone });
  const screen = useScreen(TasksDocument, useSame({ ...list, counted: taskFilter({ ...view, tab: "all" }), size: PAGE_SIZE }));
  const { data } = screen;
  const pages = usePages(
    useTasksDown(list),
    useMemo(() => (data?.tasks ? tasksDownwards(data.tasks) : null), [data?.tasks]),
  );
  const isEmpty = useSlots(pages).every(({ keys }) => keys.length === 0);
  const heading = (line: Line) => headingOf(view.tab, line, zone);

  return (
    <>
      <Header record={null}>
        <NewTask links={{}} />
      </Header>
      <div className="page__controls">
        <Tabs counts={screen.latest?.taskStats ?? null} />
        <Filters />
      </div>
      <TabPanel>
        {data === null && screen.failure ? (
          <Failed failure={screen.failure} onRetry={() => void screen.refresh()} />
        ) : data === null ? (
          <Waiting lines={8} />
        ) : isEmpty ? (
          <EmptyView view={view} />
        ) : (
          <section className="list" aria-label="Tasks">
            <List label="Tasks" order={0} pages={pages} headingOf={heading} total={data.taskStats[COUNTED[view.tab]]} isEndless />
          </section>
        )}
      </TabPanel>
    </>
  );
}

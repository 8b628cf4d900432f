/** The whole page: sign in first, then one record's timeline, or the tasks of the organization. */
import { useMemo } from "react";
import { Provider } from "urql";
import type { Session } from "../api/session";
import { Masthead } from "../ui/masthead";
import { ToastsProvider } from "../ui/toasts";
import { useScrollMemory } from "./address/use-scroll-memory";
import { useView } from "./address/view";
import { Keys } from "./keys/keys";
import { ShortcutHelp } from "./keys/shortcut-help";
import { StandingProvider } from "./keys/standing";
import { connect } from "./live/client";
import { ConnectionContext } from "./live/use-live";
import { TasksView } from "./organization/tasks-view";
import "./page.css";
import { RecordView } from "./record/record-view";
import { RecordSearch } from "./search/record-search";
import { SignedIn, SignedInAs } from "./signed-in";
import { TaskForms } from "./tasks/task-forms";
import { ClockProvider } from "./time/clock";

export function Page({ demo }: { readonly demo: Session | null }) {
  return <SignedIn demo={demo}>{(session) => <Timeline session={session} />}</SignedIn>;
}

function Timeline({ session }: { readonly session: Session }) {
  const connection = useMemo(() => connect(session), [session]);
  return (
    <Provider value={connection.client}>
      <ConnectionContext value={connection}>
        <ClockProvider>
          <ToastsProvider>
            <StandingProvider>
              <TaskForms>
                <Layout />
              </TaskForms>
            </StandingProvider>
          </ToastsProvider>
        </ClockProvider>
      </ConnectionContext>
    </Provider>
  );
}

function Layout() {
  const [view] = useView();
  const { record } = view;
  useScrollMemory(location.search);
  return (
    <>
      <div className="page__masthead">
        <Masthead here="Timeline" search={<RecordSearch />}>
          <ShortcutHelp />
          <SignedInAs />
        </Masthead>
      </div>
      <main className="page ui">
        {record === null ? <TasksView view={view} /> : <RecordView key={record.kind + record.id} view={view} record={record} />}
      </main>
      <Keys />
    </>
  );
}

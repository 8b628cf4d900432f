/** The whole page: sign in first, then one record's timeline, or the tasks of the organization. */
import { useMemo } from "react";
import { Provider } from "urql";
import type { Session } from "../api/session";
import { Masthead } from "../ui/masthead";
import { ToastsProvider } from "../ui/toasts";
import { connect } from "./client";
import { Keys } from "./keys";
import { ConnectionContext } from "./live";
import { ClockProvider } from "./now";
import "./page.css";
import { RecordSearch } from "./record-search";
import { RecordView } from "./record-view";
import { useScrollMemory } from "./scroll-memory";
import { ShortcutHelp } from "./shortcut-help";
import { SignedIn, SignedInAs } from "./signed-in";
import { StandingProvider } from "./standing";
import { TaskForms } from "./tasks/task-forms";
import { TasksView } from "./tasks-view";
import { useView } from "./view";

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

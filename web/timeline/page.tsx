/** The whole page: sign in first, then one record's timeline. */
import { useMemo } from "react";
import { Provider } from "urql";
import type { Session } from "../api/session";
import { Masthead } from "../ui/masthead";
import { timelineClient } from "./client";
import { Filters } from "./filters";
import { RecordSearch } from "./record-search";
import { ShortcutHelp } from "./shortcut-help";
import { SignedIn, SignedInAs } from "./signed-in";
import { Tabs } from "./tabs";

export function Page({ demo }: { readonly demo: Session | null }) {
  return <SignedIn demo={demo}>{(session) => <Timeline session={session} />}</SignedIn>;
}

function Timeline({ session }: { readonly session: Session }) {
  const client = useMemo(() => timelineClient(session), [session]);
  return (
    <Provider value={client}>
      <Masthead here="Timeline" search={<RecordSearch />}>
        <ShortcutHelp />
        <SignedInAs />
      </Masthead>
      <main className="ui">
        <Tabs counts={null} />
        <Filters />
      </main>
    </Provider>
  );
}

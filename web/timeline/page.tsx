/** The whole page: sign in first, then one record's timeline. */
import { useMemo, useState } from "react";
import { Provider } from "urql";
import type { Session } from "../api/session";
import { SignIn } from "../ui/sign-in";
import { timelineClient } from "./client";

export function Page({ demo }: { readonly demo: Session | null }) {
  const [session, setSession] = useState(demo);
  const client = useMemo(() => session && timelineClient(session), [session]);
  if (client === null) return <SignIn failure={null} onToken={(token) => setSession({ token, role: null })} />;
  return (
    <Provider value={client}>
      <main>
        <h1>Taskline</h1>
      </main>
    </Provider>
  );
}

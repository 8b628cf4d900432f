/** The whole page: sign in first, then GraphiQL with its examples. */
import { useState } from "react";
import { authorizedFetch, demoSession, SignInFailed, type Role, type Session } from "../api/session";
import { examples, type Example } from "./examples";
import { Ide } from "./ide";
import { findRecords } from "./records";
import { Masthead } from "../ui/masthead";
import { RoleSwitch, SignIn } from "../ui/sign-in";

export interface Opened {
  readonly session: Session;
  readonly tabs: [Example, ...Example[]];
}

/** What to open for a session. Throws SignInFailed when the API refuses its token. */
export async function open(session: Session): Promise<Opened> {
  return { session, tabs: examples(await findRecords(authorizedFetch(session)), new Date()) };
}

export function Page({ demo }: { readonly demo: Opened | null }) {
  const [opened, setOpened] = useState(demo);
  const [failure, setFailure] = useState<string | null>(null);

  const fail = (error: unknown): void => setFailure(messageOf(error));
  const signIn = (token: string): void => {
    setFailure(null);
    open({ token, role: null }).then(setOpened, fail);
  };
  const switchRole = (role: Role): void => {
    setFailure(null);
    demoSession(role).then((session) => {
      if (opened && session) setOpened({ ...opened, session });
      else setFailure(`Nobody in the demo is ${role}.`);
    }, fail);
  };

  if (opened === null) return <SignIn failure={failure} onToken={signIn} />;
  const { session, tabs } = opened;
  return (
    <>
      <Masthead here="GraphiQL">
        {failure === null ? null : <span role="alert">{failure}</span>}
        {session.role === null ? null : <RoleSwitch role={session.role} onRole={switchRole} />}
      </Masthead>
      <Ide session={session} tabs={tabs} />
    </>
  );
}

export function messageOf(error: unknown): string {
  return error instanceof SignInFailed ? error.message : "The API gave no answer that this page understands. See that it runs, then reload.";
}

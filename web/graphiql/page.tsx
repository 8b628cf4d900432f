/** The whole page: sign in first, then GraphiQL with its examples. */
import { useState } from "react";
import { authorizedFetch, demoSession, SignInFailed, type Role, type Session } from "../api/session";
import { examples, type Example } from "./examples";
import { Ide } from "./ide";
import { findRecords } from "./records";
import { SignIn, RoleSwitch } from "./sign-in";

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

  const signIn = (token: string): void => {
    open({ token, role: null }).then(setOpened, (error: unknown) => setFailure(said(error)));
  };
  const switchRole = async (role: Role): Promise<void> => {
    const session = await demoSession(role);
    if (opened && session) setOpened({ ...opened, session });
  };

  if (opened === null) return <SignIn failure={failure} onToken={signIn} />;
  const { session, tabs } = opened;
  return (
    <Ide session={session} tabs={tabs}>
      {session.role === null ? null : <RoleSwitch role={session.role} onRole={switchRole} />}
    </Ide>
  );
}

export function said(error: unknown): string {
  return error instanceof SignInFailed ? error.message : "The API can't be reached. See that it runs, then try again.";
}

/** The whole page: sign in first, then GraphiQL with its examples. */
import { useState } from "react";
import { messageOf } from "../api/refusal";
import { authorizedFetch, demoSession, Session, type Role } from "../api/session";
import { viewerOf } from "../api/viewer";
import { examples, type Example } from "./examples";
import { Ide } from "./ide";
import { findRecords } from "./records";
import { Masthead } from "../ui/masthead";
import { RoleSwitch, SignIn } from "../ui/sign-in";
import { useLastAsked } from "../ui/use-last-asked";

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

  const takeLast = useLastAsked<Opened | null>();
  const enter = (next: Promise<Opened | null>, otherwise: string): void => {
    setFailure(null);
    takeLast(
      next,
      (found) => (found === null ? setFailure(otherwise) : setOpened(found)),
      (error) => setFailure(messageOf(error)),
    );
  };
  const signIn = (token: string): void =>
    enter(viewerOf(token).then((viewer) => open(new Session({ token, viewer }))), "");
  const switchRole = (role: Role): void =>
    enter(
      demoSession(role).then((session) => opened && session && { ...opened, session }),
      `Nobody in the demo is ${role}.`,
    );

  if (opened === null) return <SignIn failure={failure} onToken={signIn} />;
  const { session, tabs } = opened;
  return (
    <>
      <Masthead here="GraphiQL">
        {failure === null ? null : <span role="alert">{failure}</span>}
        {session.role === null ? null : <RoleSwitch role={session.role} onRole={switchRole} />}
      </Masthead>
      <main className="ide">
        <h1 className="visually-hidden">GraphiQL</h1>
        <Ide session={session} tabs={tabs} />
      </main>
    </>
  );
}

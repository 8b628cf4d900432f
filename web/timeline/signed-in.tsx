/** Lets people in, and keeps them in: what it holds outlives the token that opened it. */
import { createContext, Fragment, useContext, useMemo, useState, type ReactNode } from "react";
import { messageOf } from "../api/refusal";
import { demoSession, Session, type Renew, type Role } from "../api/session";
import { viewerOf, type Viewer } from "../api/viewer";
import { RoleSwitch, SignIn } from "../ui/sign-in";
import { SignInAgain } from "../ui/sign-in-again";
import { useLastAsked } from "../ui/use-last-asked";

interface SignedInState {
  readonly session: Session;
  readonly switchRole: (role: Role) => void;
  /** Why the last switch came to nothing. */
  readonly failure: string | null;
}

const SignedInContext = createContext<SignedInState | null>(null);

/** The signed-in person. Only inside of SignedIn. */
export function useViewer(): Viewer {
  return useSignedIn().session.viewer;
}

function useSignedIn(): SignedInState {
  const state = useContext(SignedInContext);
  if (state === null) throw new Error("Put this inside of <SignedIn>.");
  return state;
}

/** A refused token, and who waits for another one. */
interface Refused {
  readonly refusal: string;
  readonly settle: (token: string) => void;
}

interface SignedInProps {
  /** Null where there is no demo: then a token is asked for. */
  readonly demo: Session | null;
  readonly children: (session: Session) => ReactNode;
}

export function SignedIn({ demo, children }: SignedInProps) {
  const [session, setSession] = useState(demo);
  const [failure, setFailure] = useState<string | null>(null);
  const [refused, setRefused] = useState<Refused | null>(null);

  const takeLast = useLastAsked<Session | null>();
  const enter = (next: Promise<Session | null>, otherwise: string): void => {
    setFailure(null);
    takeLast(
      next,
      (found) => (found === null ? setFailure(otherwise) : setSession(found)),
      (error) => setFailure(messageOf(error)),
    );
  };
  const renew: Renew = (refusal) => new Promise((settle) => setRefused({ refusal, settle }));
  const signIn = (token: string): void =>
    enter(viewerOf(token).then((viewer) => new Session({ token, viewer, renew })), "");
  const switchRole = (role: Role): void => enter(demoSession(role), `Nobody in the demo is ${role}.`);

  const state = useMemo(() => session && { session, switchRole, failure }, [session, failure]);
  if (state === null || session === null) return <SignIn failure={failure} onToken={signIn} />;
  return (
    <SignedInContext value={state}>
      {/* Another person begins with an empty page. */}
      <Fragment key={session.viewer.identity}>{children(session)}</Fragment>
      {refused === null ? null : (
        <SignInAgain
          refusal={refused.refusal}
          viewer={session.viewer}
          onToken={(token) => {
            refused.settle(token);
            setRefused(null);
          }}
        />
      )}
    </SignedInContext>
  );
}

/** At the end of the masthead: who is signed in; in the demo, who else one can be. */
export function SignedInAs() {
  const { session, switchRole, failure } = useSignedIn();
  const { displayName, mayWrite } = session.viewer;
  return (
    <>
      {failure === null ? null : <span role="alert">{failure}</span>}
      {session.role === null ? (
        <span className="signed-in-as">
          <bdi>{displayName ?? "Signed in"}</bdi>
          {mayWrite ? null : <small> Read only</small>}
        </span>
      ) : (
        <RoleSwitch role={session.role} onRole={switchRole} />
      )}
    </>
  );
}

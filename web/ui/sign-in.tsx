/** How somebody says who they are: a role in the demo, a pasted token elsewhere. */
import type { FormEvent, ReactNode } from "react";
import { ROLES, type Role } from "../api/session";
import "./sign-in.css";

interface RoleSwitchProps {
  readonly role: Role;
  readonly onRole: (role: Role) => void;
}

export function RoleSwitch({ role, onRole }: RoleSwitchProps) {
  return (
    <fieldset className="role-switch" title="Signed in to the demo as">
      <legend>Signed in to the demo as</legend>
      {ROLES.map((each) => (
        <label key={each}>
          <input type="radio" name="role" checked={each === role} onChange={() => onRole(each)} />
          {each}
        </label>
      ))}
    </fieldset>
  );
}

interface TokenFormProps {
  /** Why the last try came to nothing. */
  readonly failure: string | null;
  readonly onToken: (token: string) => void;
  /** What stands above the field. */
  readonly children: ReactNode;
  /** What stands beside the button. */
  readonly otherwise?: ReactNode;
}

/** The one field in which a token is pasted. */
export function TokenForm({ failure, onToken, children, otherwise }: TokenFormProps) {
  // Not by the form's `action`: React empties a form after it, and a refused token is to be mended, not pasted again.
  const signIn = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onToken(withoutScheme(String(new FormData(event.currentTarget).get("token"))));
  };
  return (
    <form className="sign-in ui" onSubmit={signIn}>
      {children}
      <label htmlFor="token">Bearer token</label>
      <textarea id="token" name="token" rows={5} required autoFocus spellCheck={false} autoComplete="off" aria-describedby="kept" />
      <p id="kept">From your identity provider. It stays in this page's memory and is gone when you close it.</p>
      {failure === null ? null : <p role="alert">{failure}</p>}
      <div className="sign-in__buttons">
        <button type="submit" className="button--primary">
          Sign in
        </button>
        {otherwise}
      </div>
    </form>
  );
}

interface SignInProps {
  /** Why the last try came to nothing. */
  readonly failure: string | null;
  readonly onToken: (token: string) => void;
}

export function SignIn({ failure, onToken }: SignInProps) {
  return (
    <main>
      <TokenForm failure={failure} onToken={onToken}>
        <h1>Taskline</h1>
      </TokenForm>
    </main>
  );
}

/** A pasted header is as good as the token alone. */
function withoutScheme(pasted: string): string {
  return pasted.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
}

/** Asks somebody whose token was refused for another one, over the page: all that they have typed stays under it. */
import { useEffect, useRef, useState } from "react";
import { messageOf } from "../api/refusal";
import { viewerOf, type Viewer } from "../api/viewer";
import { TokenForm } from "./sign-in";

interface SignInAgainProps {
  /** The API's words about the old token. */
  readonly refusal: string;
  /** Who is to sign in: what the page shows is theirs. */
  readonly viewer: Viewer;
  readonly onToken: (token: string) => void;
}

export function SignInAgain({ refusal, viewer, onToken }: SignInAgainProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState<string | null>(null);
  // Where somebody was typing; at the first render, as the field below takes the focus when it is shown.
  const [typing] = useState(() => document.activeElement);
  useEffect(() => {
    dialog.current?.showModal();
    return () => {
      if (typing instanceof HTMLElement) typing.focus();
    };
  }, [typing]);

  const signIn = (token: string): void => {
    setFailure(null);
    viewerOf(token).then(
      (found) => {
        if (found.identity === viewer.identity) onToken(token);
        else setFailure("This token is another person's. Paste one of your own, or choose “Another person”.");
      },
      (error: unknown) => setFailure(messageOf(error)),
    );
  };
  return (
    // Requests wait for this one answer, so Escape has nothing to go back to; a browser lets its second press through.
    <dialog
      ref={dialog}
      className="sign-in-again"
      aria-labelledby="sign-in-again"
      onCancel={(event) => event.preventDefault()}
      onClose={() => dialog.current?.showModal()}
    >
      <TokenForm
        failure={failure}
        onToken={signIn}
        otherwise={
          <button type="button" className="button--quiet" onClick={() => location.reload()}>
            Another person
          </button>
        }
      >
        <h2 id="sign-in-again">Sign in again{viewer.displayName === null ? null : <> as <bdi>{viewer.displayName}</bdi></>}</h2>
        <p>{refusal} What you have typed is kept.</p>
      </TokenForm>
    </dialog>
  );
}

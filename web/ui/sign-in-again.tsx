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
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Closing it gives the focus back to where somebody was typing.
    return () => shown?.close();
  }, []);

  const signIn = (token: string): void => {
    setFailure(null);
    viewerOf(token).then(
      (found) => {
        if (found.identity === viewer.identity) onToken(token);
        else setFailure("This token is somebody else's. Paste one of your own, or start afresh as the other person.");
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
            Start afresh
          </button>
        }
      >
        <h2 id="sign-in-again">Sign in again{viewer.displayName === null ? null : <> as <bdi>{viewer.displayName}</bdi></>}</h2>
        <p>{refusal} What you have typed is kept.</p>
      </TokenForm>
    </dialog>
  );
}

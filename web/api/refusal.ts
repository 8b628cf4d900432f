/** What a page says when it gets in nowhere. */

/** Nobody is signed in, and the message says what to do about it. */
export class SignInFailed extends Error {
  /** The API's own words about a token that it refused or wouldn't give. */
  static async of(answer: Response): Promise<SignInFailed> {
    try {
      const { errors } = (await answer.json()) as { errors: readonly [{ message: string }] };
      return new SignInFailed(errors[0].message);
    } catch {
      // Something between the page and the API refused it, in a form of its own.
      return new SignInFailed("The sign-in was refused. Sign in again.");
    }
  }
}

/** A failed sign-in, in words for people. */
export function messageOf(error: unknown): string {
  return error instanceof SignInFailed ? error.message : "The API gave no answer that this page understands. See that it runs, then reload.";
}

/** Sends a change, and says what came of it: made, refused for reasons, or unknown. */
import type { AnyVariables, Client, TypedDocumentNode } from "@urql/core";
import { wordsOf } from "../../api/query";
import type { ChangedFragment } from "../../generated/operations";
import type { TaskEntry } from "./task-entry";

export type Refusal = ChangedFragment["errors"][number];
export type Stale = Extract<Refusal, { readonly __typename: "StaleVersionError" }>;

export type Answer =
  | {
      readonly kind: "changed";
      readonly task: TaskEntry;
      readonly isReplayed: boolean;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] }
  /** Nobody knows whether it was made: the answer got lost, or the server failed. */
  | { readonly kind: "unanswered"; readonly message: string };

/** Never rejects. `payload` takes the change's own answer from the data. */
export async function send<Data, Variables extends AnyVariables>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  payload: (data: Data) => ChangedFragment,
): Promise<Answer> {
  const { data, error } = await client.mutation(document, variables).toPromise();
  if (error !== undefined || data == null) {
    const isTooMuch = error?.graphQLErrors[0]?.extensions["code"] === "LIMIT_EXCEEDED";
    if (isTooMuch)
      return { kind: "unanswered", message: "This is more text than can be sent at once. Shorten the longest." };
    return { kind: "unanswered", message: error ? wordsOf(error) : "The server gave no answer. Try again." };
  }
  const { task, errors, warnings, replayed } = payload(data);
  if (task === null) return { kind: "refused", refusals: errors };
  return { kind: "changed", task, isReplayed: replayed, warnings: warnings.map(({ message }) => message) };
}

/** The refusal that says that somebody was quicker, if there is one. */
export function staleOf(answer: Answer): Stale | undefined {
  if (answer.kind !== "refused") return undefined;
  return answer.refusals.find((refusal): refusal is Stale => refusal.__typename === "StaleVersionError");
}

/** Whether the task itself is gone. */
export function isAboutDeleted({ code, path }: Refusal): boolean {
  return code === "RECORD_NOT_FOUND" && path?.at(-1) === "id";
}

/** A refusal in words for people. The API's own speak of what a program would do next, where the task is gone. */
export function wordsFor(refusal: Refusal): string {
  return isAboutDeleted(refusal) ? "Somebody has deleted this task meanwhile." : refusal.message;
}

/** What to tell where there are no fields to tell it at. */
export function reasonOf(answer: Exclude<Answer, { readonly kind: "changed" }>): string {
  return answer.kind === "unanswered" ? answer.message : answer.refusals.map(wordsFor).join(" ");
}

/** What a search of a picker found, or why it found nothing, in words for people. */
import type { AnyVariables, OperationResult } from "urql";

/** The answer's data. Throws an Error with the API's own words, or with ours where it said nothing. */
export function searched<Data, Variables extends AnyVariables>({ data, error }: OperationResult<Data, Variables>): Data {
  if (data) return data;
  const words = error?.graphQLErrors.map(({ message }) => message).join(" ");
  throw new Error(words || "The search got no answer. Check your connection, then type on to try again.");
}

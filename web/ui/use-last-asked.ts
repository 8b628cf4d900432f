/** Of several answers on their way only the one to the last question counts, whichever comes last. */
import { useRef } from "react";

/** A function that takes an answer, or what went wrong, unless something else has been asked for meanwhile. */
export function useLastAsked<Answer>(): (
  asked: Promise<Answer>,
  take: (answer: Answer) => void,
  fail: (error: unknown) => void,
) => void {
  const last = useRef<Promise<Answer> | null>(null);
  return (asked, take, fail) => {
    last.current = asked;
    asked.then(
      (answer) => {
        if (last.current === asked) take(answer);
      },
      (error: unknown) => {
        if (last.current === asked) fail(error);
      },
    );
  };
}

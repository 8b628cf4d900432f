/** Does one thing at a time, however often it is asked for. */
import { useEffect, useRef, useState } from "react";

export interface Once<Given> {
  readonly isBusy: boolean;
  readonly start: (given: Given) => void;
}

/** `take` gets the result, also when the component is gone by then: `isThere` says so. */
export function useOnce<Given, Result>(
  act: (given: Given) => Promise<Result>,
  take: (result: Result, given: Given, isThere: boolean) => void,
): Once<Given> {
  const [isBusy, setIsBusy] = useState(false);
  // A second click comes before a button can be drawn as pressed.
  const isRunning = useRef(false);
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);
  const run = async (given: Given): Promise<void> => {
    if (isRunning.current) return;
    isRunning.current = true;
    setIsBusy(true);
    const result = await act(given).finally(() => {
      isRunning.current = false;
      setIsBusy(false);
    });
    take(result, given, isThere.current);
  };
  return { isBusy, start: (given) => void run(given) };
}

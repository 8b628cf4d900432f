/** The time of day, for whatever says how long ago something was. */
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { timeZone } from "./dates";

const MINUTE_MS = 60_000;

interface Clock {
  /** Milliseconds since 1970; goes on by the minute. */
  readonly now: number;
  /** The zone in which everything on the page is shown. */
  readonly zone: string;
}

const ClockContext = createContext<Clock | null>(null);

/** Goes on by the minute, and at once when somebody comes back to the page: a sleeping one has no timers. */
export function ClockProvider({ children }: { readonly children: ReactNode }) {
  const [clock, setClock] = useState<Clock>(() => ({ now: Date.now(), zone: timeZone() }));
  useEffect(() => {
    const tick = (): void => setClock({ now: Date.now(), zone: timeZone() });
    const timer = setInterval(tick, MINUTE_MS);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, []);
  return <ClockContext value={clock}>{children}</ClockContext>;
}

export function useClock(): Clock {
  const clock = useContext(ClockContext);
  if (clock === null) throw new Error("useClock outside of a ClockProvider. Wrap the page in one.");
  return clock;
}

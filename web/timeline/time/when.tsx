/** An instant in a few words, with the exact one behind them. */
import { useClock } from "./clock";
import { exact, relative, type Instant } from "./dates";

export function When({ at, className }: { readonly at: Instant; readonly className?: string }) {
  const { now, zone } = useClock();
  return (
    <time dateTime={at} title={exact(at, zone)} className={className}>
      {relative(at, now, zone)}
    </time>
  );
}

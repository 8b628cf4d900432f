/** When an open task is due, and whether that has passed. */
import { useClock } from "../time/clock";
import { clock, day, daysBetween, exact, type Instant } from "../time/dates";

export function DueBadge({ dueAt }: { readonly dueAt: Instant }) {
  const { now, zone } = useClock();
  const { look, text } = wordsOf(dueAt, now, zone);
  return (
    <time dateTime={dueAt} title={exact(dueAt, zone)} className={`badge badge--${look}`}>
      {text}
    </time>
  );
}

/** When a task that was called off would have been due. */
export function WasDue({ dueAt }: { readonly dueAt: Instant }) {
  const { now, zone } = useClock();
  return (
    <time dateTime={dueAt} title={exact(dueAt, zone)}>
      Was due {day(dueAt, now, zone)}
    </time>
  );
}

/** Overdue by the clock of the reader: a page that stays open is right all day. */
export function isLate(dueAt: Instant, now: number): boolean {
  return Date.parse(dueAt) < now;
}

function wordsOf(dueAt: Instant, now: number, zone: string): { readonly look: string; readonly text: string } {
  const days = daysBetween(now, Date.parse(dueAt), zone);
  if (isLate(dueAt, now)) return { look: "danger", text: `Overdue since ${days === 0 ? clock(dueAt, zone) : day(dueAt, now, zone)}` };
  if (days === 0) return { look: "warn", text: `Due today ${clock(dueAt, zone)}` };
  if (days === 1) return { look: "info", text: `Due tomorrow ${clock(dueAt, zone)}` };
  return { look: "plain", text: `Due ${day(dueAt, now, zone)}` };
}

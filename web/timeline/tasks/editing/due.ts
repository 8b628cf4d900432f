/** A due date as the fields of a form have it, in the reader's time zone, and as the API keeps it. */
import { english } from "../../english";
import { daysBetween, fromLocal, relative, timeZone, toLocal } from "../../time/dates";

export interface LocalTime {
  /** 2026-02-10; empty for no due date. */
  readonly date: string;
  /** 15:30; empty for a time that goes without saying. */
  readonly time: string;
}

const MORNING = "09:00";
const LAST_MINUTE = "23:59";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const UNDATED: LocalTime = { date: "", time: "" };

/** What the fields show for an instant; seconds are not shown. */
export function localOf(instant: string | null): LocalTime {
  if (instant === null) return UNDATED;
  const [date = "", time = ""] = toLocal(instant, timeZone()).split("T");
  return { date, time };
}

/** The instant; null for no date, and for one outside of the years 1 to 9999, which the API can't keep. */
export function instantOf({ date, time }: LocalTime, now = Date.now()): string | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || date < "0001-01-02" || date > "9999-12-30") return null;
  return fromLocal(`${date}T${time || usualTime(date, now)}`, timeZone());
}

/** The time for a date that somebody gives without one: in the morning, and today at the next full hour. */
export function usualTime(date: string, now = Date.now()): string {
  const today = localOf(isoOf(now)).date;
  if (date !== today) return MORNING;
  const soon = localOf(isoOf(Math.ceil(now / HOUR_MS) * HOUR_MS));
  if (soon.date !== today) return LAST_MINUTE;
  return soon.time > MORNING ? soon.time : MORNING;
}

/** The days that most tasks are planned for. */
export function nearDays(now = Date.now()): readonly { readonly name: string; readonly date: string }[] {
  const today = localOf(isoOf(now)).date;
  const untilMonday = (8 - new Date(`${today}T00:00Z`).getUTCDay()) % 7 || 7;
  return [
    { name: "Today", date: today },
    { name: "Tomorrow", date: daysAfter(today, 1) },
    { name: "Next Monday", date: daysAfter(today, untilMonday) },
  ];
}

/** What is wrong with the fields, for people. */
export function dueProblem(due: LocalTime): string | null {
  if (due.date === "") return due.time === "" ? null : "Give the date, too, or clear the time.";
  return instantOf(due) === null ? "That date is too far away. Give a year from 1 to 9999." : null;
}

/**
 * How the fields will be understood, where that isn't plain: weekday, distance, and clocks that change.
 * `was` is the instant that the form began with: fields that are left alone mean it to the second.
 */
export function dueMeaning(due: LocalTime, now: number, was: string | null): string {
  const zone = timeZone();
  const first = localOf(was);
  const isLeft = first.date === due.date && first.time === due.time;
  const instant = isLeft ? was : instantOf(due, now);
  if (instant === null) return "";
  const weekday = new Intl.DateTimeFormat(english(), { weekday: "long", timeZone: zone }).format(Date.parse(instant));
  const said = `${weekday}, ${distance(instant, now)}`;
  if (isLeft || due.time === "") return said;
  const meant = localOf(instant).time;
  if (meant !== due.time) return `${said}. The clocks go forward then: there is no ${due.time}, ${meant} is meant`;
  const isTwice = localOf(isoOf(Date.parse(instant) + HOUR_MS)).time === due.time;
  return isTwice ? `${said}. The clocks go back then: the first ${due.time} is meant` : said;
}

/** "in 3 days", and farther away than the lists count, "in 2 years": a slip in the year shows at once. */
function distance(instant: string, now: number): string {
  const zone = timeZone();
  const days = daysBetween(now, Date.parse(instant), zone);
  if (Math.abs(days) < 28) return relative(instant, now, zone);
  const words = new Intl.RelativeTimeFormat(english());
  return Math.abs(days) < 360
    ? words.format(Math.round(days / 30.44), "month")
    : words.format(Math.round(days / 365.25), "year");
}

function daysAfter(date: string, days: number): string {
  return isoOf(Date.parse(`${date}T00:00Z`) + days * DAY_MS).slice(0, 10);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

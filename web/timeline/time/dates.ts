/** Instants as people read and type them: relative, exact, and in the fields of a form. The zone is always given. */
import { english } from "../english";

/** An instant as the API writes it: ISO 8601, in UTC. */
export type Instant = string;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The reader's own zone, as IANA names it; UTC where the browser won't tell, or tells an offset only. */
export function timeZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return /^[A-Za-z]/.test(zone ?? "") && zone !== "Etc/Unknown" ? zone : "UTC";
}

/** "Tuesday, 10 February 2026 at 14:30 CET". */
export function exact(at: Instant, zone: string): string {
  return formatted(at, { dateStyle: "full", timeStyle: "short" }, zone);
}

/** How long ago or ahead: "3 hours ago", "in 2 days"; from four weeks on the date. */
export function relative(at: Instant, now: number, zone: string): string {
  const ahead = Date.parse(at) - now;
  const size = Math.abs(ahead);
  if (size < MINUTE_MS) return "just now";
  if (size < HOUR_MS) return distance(Math.trunc(ahead / MINUTE_MS), "minute");
  if (size < 22 * HOUR_MS) return distance(Math.trunc(ahead / HOUR_MS), "hour");
  const days = daysBetween(now, Date.parse(at), zone);
  return Math.abs(days) < 28 ? distance(days, "day") : day(at, now, zone);
}

/** "10 Feb", with the year unless it is this one. */
export function day(at: Instant, now: number, zone: string): string {
  const isThisYear = partsOf(Date.parse(at), zone).year === partsOf(now, zone).year;
  return formatted(at, { day: "numeric", month: "short", ...(isThisYear ? {} : { year: "numeric" }) }, zone);
}

/** "14:30". */
export function clock(at: Instant, zone: string): string {
  return formatted(at, { timeStyle: "short" }, zone);
}

/** "February 2026" for the key "2026-02". */
export function month(key: string, style: "long" | "short" = "long"): string {
  const [year = 0, number = 1] = key.split("-").map(Number);
  const first = new Date(0);
  first.setUTCFullYear(year, number - 1);
  return formatted(first.toISOString(), { month: style, ...(style === "long" && { year: "numeric" }) }, "UTC");
}

/** The key of the month in which an instant lies, as the API's groups have it: "2026-02". */
export function monthKey(at: Instant, zone: string): string {
  return toLocal(at, zone).replace(/-\d\dT.*/, "");
}

/** How many midnights lie between two instants; negative when the second is the earlier one. */
export function daysBetween(from: number, to: number, zone: string): number {
  return Math.round((midnight(to, zone) - midnight(from, zone)) / DAY_MS);
}

/** An instant as a `datetime-local` field shows it: "2026-02-10T14:30". The last hours of 9999 are 10000 in some zones. */
export function toLocal(at: Instant, zone: string): string {
  const iso = new Date(asUtc(Date.parse(at), zone)).toISOString();
  return iso.slice(0, -":00.000Z".length).replace(/^\+0/, "");
}

/**
 * The instant that a `datetime-local` field means. `was` is what the field showed at first: left as it is, it stays that
 * instant to the second, and the second one of an hour that comes twice. Otherwise an hour that comes twice means its
 * first, and one that is left out in spring means as much after the change.
 */
export function fromLocal(local: string, zone: string, was: Instant | null = null): Instant {
  if (was !== null && toLocal(was, zone) === local) return was;
  const wanted = Date.parse(`${local}Z`);
  // A day before and a day after any change, the offset is that of either side of it.
  const [before, after] = [wanted - DAY_MS, wanted + DAY_MS].map((near) => asUtc(near, zone) - near) as [number, number];
  const exactly = [wanted - before, wanted - after].filter((instant) => asUtc(instant, zone) === wanted);
  return new Date(exactly.length === 0 ? wanted - before : Math.min(...exactly)).toISOString();
}

/** The instant at which a zone's clock would show the same if it were in UTC, to the minute's start. */
function asUtc(instant: number, zone: string): number {
  const { year, month, day, hour, minute } = partsOf(instant, zone);
  const local = new Date(0);
  // Date.UTC takes a year below 100 for one of the twentieth century.
  local.setUTCFullYear(year, month - 1, day);
  return local.setUTCHours(hour, minute);
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

function partsOf(instant: number, zone: string): Parts {
  const parts = formatOf("en-US", PARTS, zone).formatToParts(instant);
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)])) as unknown as Parts;
}

const PARTS: Intl.DateTimeFormatOptions = {
  ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" },
  ...{ calendar: "gregory", numberingSystem: "latn", hourCycle: "h23" },
};

// Making one takes a hundred times as long as using it, and a list that scrolls uses thousands.
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(locale: string, options: Intl.DateTimeFormatOptions, zone: string): Intl.DateTimeFormat {
  const key = JSON.stringify([locale, options, zone]);
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
  formats.set(key, made);
  return made;
}

/** Local midnight as if in UTC, so that days of 23 and 25 hours count as one. */
function midnight(instant: number, zone: string): number {
  const local = asUtc(instant, zone);
  return local - (((local % DAY_MS) + DAY_MS) % DAY_MS);
}

function formatted(at: Instant, options: Intl.DateTimeFormatOptions, zone: string): string {
  return formatOf(english(), options, zone).format(Date.parse(at));
}

function distance(count: number, unit: "minute" | "hour" | "day"): string {
  return new Intl.RelativeTimeFormat(english(), { numeric: "auto" }).format(count, unit);
}

/** Says whose clock the page goes by. */
import { Globe } from "lucide-react";
import { useClock } from "./clock";
import "./time-zone.css";

/** "Times in Europe/Berlin (GMT+1)". */
export function TimeZone() {
  const { zone, now } = useClock();
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" });
  const offset = format.formatToParts(now).find(({ type }) => type === "timeZoneName")?.value;
  return (
    <p className="time-zone">
      <Globe aria-hidden size={14} /> Times in {zone.replaceAll("_", " ")}
      {offset && offset !== zone ? ` (${offset})` : null}
    </p>
  );
}

/** What an entry is linked to: each record that is there leads to its own timeline, each lost one keeps its name. */
import type { EntryFragment } from "../../generated/operations";
import { useView, viewOf } from "../address/view";
import { ViewLink } from "../address/view-link";
import { RecordIcon } from "../record-icon";
import { useClock } from "../time/clock";
import { exact } from "../time/dates";
import { RECORD_WORDS } from "../words";
import "./chips.css";

export type Link = EntryFragment["links"][number];

export function Chips({ links }: { readonly links: readonly Link[] }) {
  return links.map((link) => <Chip key={link.kind + link.recordId} link={link} />);
}

function Chip({ link: { kind, state, recordId, label, lostAt } }: { readonly link: Link }) {
  const { zone } = useClock();
  const [{ record }] = useView();
  const name = (
    <>
      <RecordIcon kind={kind} size={14} />
      <span className="visually-hidden">{RECORD_WORDS[kind]}: </span>
      <span className="chip__name" dir="auto">
        {label}
      </span>
    </>
  );
  if (state === "LINKED") {
    return (
      // On a record's own timeline every entry leads to it: that is told, but quietly.
      <ViewLink to={viewOf({ kind, id: recordId })} className={record?.id === recordId ? "chip chip--here" : "chip"}>
        {name}
      </ViewLink>
    );
  }
  return (
    <span className="chip chip--lost" title={lostAt === null ? "Deleted" : `Deleted on ${exact(lostAt, zone)}`}>
      {name}
      <span className="visually-hidden"> (deleted)</span>
    </span>
  );
}

/** What an entry is linked to: each record that is there leads to its own timeline, each lost one keeps its name. */
import { BriefcaseBusiness, Sprout, User, type LucideIcon } from "lucide-react";
import type { EntryFragment, RecordKind } from "../generated/operations";
import "./chips.css";
import { exact } from "./dates";
import { useClock } from "./now";
import { useView, viewOf } from "./view";
import { ViewLink } from "./view-link";
import { RECORD_WORDS } from "./words";

export const RECORD_ICONS: Readonly<Record<RecordKind, LucideIcon>> = {
  LEAD: Sprout,
  CONTACT: User,
  ACCOUNT: BriefcaseBusiness,
};

type Link = EntryFragment["links"][number];

export function Chips({ links }: { readonly links: readonly Link[] }) {
  return links.map((link) => <Chip key={link.kind + link.recordId} link={link} />);
}

function Chip({ link: { kind, state, recordId, label, lostAt } }: { readonly link: Link }) {
  const { zone } = useClock();
  const [{ record }] = useView();
  const Icon = RECORD_ICONS[kind];
  const name = (
    <>
      <Icon size={14} aria-hidden />
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

/** Who or what the view is about, and whether related records join in. */
import { ArrowLeft } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";
import type { RecordHeadFragment } from "../../generated/operations";
import { Switch } from "../../ui/switch";
import { EVERYTHING, takeArrival, useView, type RecordId } from "../address/view";
import { ViewLink } from "../address/view-link";
import { RecordIcon } from "../record-icon";
import { TimeZone } from "../time/time-zone";
import { RECORD_WORDS } from "../words";
import { Facts } from "./facts";
import "./header.css";

interface HeaderProps {
  /** Null while it is asked for, and in the view of all tasks. */
  readonly record: RecordHeadFragment | null;
  /** What can be done here, at the end of the line. */
  readonly children?: ReactNode;
}

export function Header({ record, children }: HeaderProps) {
  const [view, change] = useView();
  const name = view.record === null ? "Tasks" : (record?.displayName ?? null);
  const heading = useHeading(view.record, name);
  return (
    <header className="header">
      {view.record === null ? null : (
        <div className="header__top">
          <ViewLink to={EVERYTHING} className="header__back">
            <ArrowLeft aria-hidden size={16} /> All tasks
          </ViewLink>
          <TimeZone />
        </div>
      )}
      {view.record === null ? null : (
        <span className="header__icon">
          <RecordIcon kind={view.record.kind} size={22} />
        </span>
      )}
      <div className="header__name">
        <h1 ref={heading} tabIndex={-1} dir="auto" aria-busy={name === null}>
          {name ?? (view.record && RECORD_WORDS[view.record.kind])}
        </h1>
        {view.record === null ? <TimeZone /> : <ul className="header__facts">{record && <Facts record={record} />}</ul>}
      </div>
      <div className="header__side">
        {view.record === null ? null : (
          <Switch isOn={view.related} onTurn={(related) => change({ related })}>
            Also related records
          </Switch>
        )}
        {children}
      </div>
    </header>
  );
}

/** Names the window after the view; after a step to another record the heading has the focus, as on a new page. */
function useHeading(record: RecordId | null, name: string | null) {
  const heading = useRef<HTMLHeadingElement>(null);
  const here = record && `${record.kind} ${record.id}`;
  useEffect(() => {
    if (name === null) return;
    document.title = `${name} · Taskline`;
    if (takeArrival()) heading.current?.focus({ preventScroll: true });
  }, [here, name]);
  return heading;
}

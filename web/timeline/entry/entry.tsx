/** One entry of a list: what it is, when, for whom, what came of it, and what it is linked to. */
import {
  CalendarDays,
  ChevronDown,
  ChevronsUp,
  Circle,
  CircleCheck,
  CircleEllipsis,
  CircleSlash,
  CircleUserRound,
  Mail,
  MessageCircle,
  MessageSquareText,
  Phone,
  StickyNote,
  type LucideIcon,
} from "lucide-react";
import { memo, useId, useLayoutEffect, useRef } from "react";
import type { EntryFragment, InteractionKind, ViaFragment } from "../../generated/operations";
import { useViewer } from "../signed-in";
import { TaskActions } from "../tasks/task-actions";
import { isOpen, isTask, type TaskEntry } from "../tasks/task-entry";
import { useClock } from "../time/clock";
import { When } from "../time/when";
import { KIND_WORDS, PRIORITY_WORDS, RECORD_WORDS, STATUS_WORDS } from "../words";
import { Chips } from "./chips";
import { DueBadge, isLate, WasDue } from "./due-badge";
import "./entry.css";
import { LongText } from "./long-text";

interface EntryProps {
  readonly entry: EntryFragment;
  /** Why it is here; empty where that goes without saying. */
  readonly via: readonly ViaFragment[];
  /** Whether its list is sorted by when it was created: the time at its end is the one by which it stands there. */
  readonly isByCreation: boolean;
  /** Where `j` and `k` stand. */
  readonly isCurrent: boolean;
  /** Becoming the current one it takes the focus, unless the focus made it so. */
  readonly takesFocus: boolean;
  readonly onFocus: (id: string) => void;
}

const ICONS: Readonly<Record<InteractionKind, LucideIcon>> = {
  TASK: Circle,
  CALL: Phone,
  EMAIL: Mail,
  MEETING: CalendarDays,
  NOTE: StickyNote,
  SMS: MessageSquareText,
  WHATSAPP: MessageCircle,
  OTHER: CircleEllipsis,
};

export const Entry = memo(function Entry({ entry, via, isByCreation, isCurrent, takesFocus, onFocus }: EntryProps) {
  const title = useId();
  const element = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isCurrent && takesFocus) element.current?.focus({ preventScroll: true });
  }, [isCurrent, takesFocus]);

  return (
    <article
      ref={element}
      className={useLook(entry, isCurrent)}
      aria-labelledby={title}
      aria-current={isCurrent || undefined}
      data-id={entry.id}
      tabIndex={-1}
      onFocus={() => onFocus(entry.id)}
    >
      <Icon entry={entry} />
      <span id={title} className="entry__subject" dir="auto">
        {entry.subject.trim() || KIND_WORDS[entry.kind]}
      </span>
      <div className="entry__when">
        {isByCreation ? <Created entry={entry} /> : <Time entry={entry} />}
      </div>
      <Text entry={entry} />
      <div className="entry__facts">
        {isByCreation && isTask(entry) ? <OwnTime task={entry} /> : null}
        {isTask(entry) ? <TaskBadges task={entry} /> : null}
        <Assignee entry={entry} />
        <Chips links={entry.links} />
        <Reason via={via} />
      </div>
      <Actions entry={entry} />
    </article>
  );
});

function useLook(entry: EntryFragment, isCurrent: boolean): string {
  const { now } = useClock();
  const looks = ["entry"];
  if (isCurrent) looks.push("entry--current");
  if (isTask(entry)) {
    looks.push("entry--task");
    if (!isOpen(entry)) looks.push(entry.status === "COMPLETED" ? "entry--done" : "entry--closed");
    else if (entry.dueAt !== null && isLate(entry.dueAt, now)) looks.push("entry--late");
  }
  return looks.join(" ");
}

function Icon({ entry }: { readonly entry: EntryFragment }) {
  const Picture = isTask(entry) ? pictureOf(entry) : ICONS[entry.kind];
  const words = isTask(entry) && !isOpen(entry) ? `${STATUS_WORDS[entry.status]} task` : KIND_WORDS[entry.kind];
  return (
    <span className="entry__icon" title={words}>
      <Picture size={16} aria-hidden />
      <span className="visually-hidden">{words}: </span>
    </span>
  );
}

function pictureOf({ status }: TaskEntry): LucideIcon {
  if (status === "COMPLETED") return CircleCheck;
  return status === "CANCELLED" ? CircleSlash : Circle;
}

function Time({ entry }: { readonly entry: EntryFragment }) {
  if (isTask(entry) && isOpen(entry)) {
    // Without a due date it stands where it was created, which is no time to do it.
    return entry.dueAt === null ? <Created entry={entry} /> : <DueBadge dueAt={entry.dueAt} />;
  }
  if (isTask(entry) && entry.status === "CANCELLED" && entry.dueAt !== null) return <WasDue dueAt={entry.dueAt} />;
  return <When at={entry.occursAt} />;
}

function Created({ entry: { createdAt } }: { readonly entry: EntryFragment }) {
  if (createdAt === null) return null;
  return (
    <>
      Created <When at={createdAt} />
    </>
  );
}

/** When a task is due or was done, where that isn't the time by which it is sorted. */
function OwnTime({ task }: { readonly task: TaskEntry }) {
  if (task.status === "COMPLETED" && task.completedAt !== null) {
    return (
      <span>
        Completed <When at={task.completedAt} />
      </span>
    );
  }
  return task.dueAt === null ? null : <Time entry={task} />;
}

function Text({ entry: { description, outcome } }: { readonly entry: EntryFragment }) {
  const text = [description?.trim(), outcome?.trim() && `Outcome: ${outcome.trim()}`].filter(Boolean).join("\n");
  return text === "" ? null : <LongText className="entry__text" text={text} />;
}

function TaskBadges({ task }: { readonly task: TaskEntry }) {
  return (
    <>
      {task.status === "CANCELLED" || task.status === "UNKNOWN" ? <span className="badge">{STATUS_WORDS[task.status]}</span> : null}
      {isOpen(task) ? <Priority priority={task.priority} /> : null}
      {task.isOrphan ? <span className="badge">No record left</span> : null}
    </>
  );
}

/** Only what is out of the ordinary, and only what is urgent in color. */
function Priority({ priority }: { readonly priority: TaskEntry["priority"] }) {
  if (priority === "MEDIUM") return null;
  const isHigh = priority === "HIGH";
  return (
    <span className={isHigh ? "badge badge--warn" : "entry__fact"}>
      {isHigh ? <ChevronsUp size={14} aria-hidden /> : <ChevronDown size={14} aria-hidden />}
      {PRIORITY_WORDS[priority]} priority
    </span>
  );
}

function Assignee({ entry: { assignee } }: { readonly entry: EntryFragment }) {
  if (assignee === null) return null;
  return (
    <span className="entry__fact">
      <CircleUserRound size={14} aria-hidden />
      <span className="visually-hidden">Assignee: </span>
      <span dir="auto">{assignee.displayName}</span>
    </span>
  );
}

/** Only for what is here by related records alone. */
function Reason({ via }: { readonly via: readonly ViaFragment[] }) {
  if (via.length === 0 || via.some(({ isDirect }) => isDirect)) return null;
  return (
    <span className="entry__reason">
      Here by{" "}
      {via.map(({ kind, record }, index) => (
        <span key={kind + record.id}>
          {index === 0 ? null : " and "}
          {RECORD_WORDS[kind].toLowerCase()} <bdi>{record.displayName}</bdi>
        </span>
      ))}
    </span>
  );
}

function Actions({ entry }: { readonly entry: EntryFragment }) {
  const { mayWrite } = useViewer();
  if (!mayWrite || !isTask(entry)) return null;
  return (
    <div className="entry__actions">
      <TaskActions task={entry} />
    </div>
  );
}

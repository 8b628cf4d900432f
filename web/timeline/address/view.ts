/** What the page shows, as its address says it: a view can be shared, kept and gone back to. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { InteractionKind, RecordKind, RecordRef, TaskPriority, TaskStatus } from "../../generated/operations";

export const TABS = ["all", "open", "overdue", "completed"] as const;
export type Tab = (typeof TABS)[number];

export const RECORD_KINDS = ["LEAD", "CONTACT", "ACCOUNT"] as const satisfies readonly RecordKind[];
export const INTERACTION_KINDS = [
  "TASK",
  "CALL",
  "EMAIL",
  "MEETING",
  "NOTE",
  "SMS",
  "WHATSAPP",
  "OTHER",
] as const satisfies readonly InteractionKind[];
export const STATUSES = ["PENDING", "SCHEDULED", "COMPLETED", "CANCELLED", "UNKNOWN"] as const satisfies readonly TaskStatus[];
export const PRIORITIES = ["HIGH", "MEDIUM", "LOW", "UNKNOWN"] as const satisfies readonly TaskPriority[];

export interface RecordId {
  readonly kind: RecordKind;
  /** As the address has it: perhaps no UUID, perhaps another organization's. */
  readonly id: string;
}

export interface View {
  /** Whose timeline; null for the tasks of the organization. */
  readonly record: RecordId | null;
  readonly tab: Tab;
  /** Also what hangs on related records. */
  readonly related: boolean;
  /** Empty for every kind. */
  readonly kinds: readonly InteractionKind[];
  /** Linked to exactly these kinds of record; an empty list: to none. */
  readonly only: readonly RecordKind[] | null;
  /** Empty for every status. */
  readonly status: readonly TaskStatus[];
  readonly lead: string | null;
  readonly contact: string | null;
  readonly account: string | null;
  readonly assignee: string | null;
  /** Empty for every priority. */
  readonly priority: readonly TaskPriority[];
  readonly orphaned: boolean;
  readonly search: string;
}

export const EVERYTHING: View = {
  record: null,
  tab: "all",
  related: false,
  kinds: [],
  only: null,
  status: [],
  lead: null,
  contact: null,
  account: null,
  assignee: null,
  priority: [],
  orphaned: false,
  search: "",
};

/** The record's timeline, unfiltered. */
export function viewOf(record: RecordId): View {
  return { ...EVERYTHING, record };
}

/** The view of an address's query; what can't be read counts as not given. */
export function parseView(query: string): View {
  const given = new URLSearchParams(query);
  return {
    record: recordOf(given),
    tab: oneOf(TABS, given.get("tab")) ?? "all",
    related: given.has("related"),
    kinds: someOf(INTERACTION_KINDS, given.get("kind")),
    only: given.get("links") === "none" ? [] : nullIfEmpty(someOf(RECORD_KINDS, given.get("links"))),
    status: someOf(STATUSES, given.get("status")),
    lead: given.get("with-lead") || null,
    contact: given.get("with-contact") || null,
    account: given.get("with-account") || null,
    assignee: given.get("assignee") || null,
    priority: someOf(PRIORITIES, given.get("priority")),
    orphaned: given.has("orphaned"),
    search: given.get("q") ?? "",
  };
}

/** The query of a view's address, without what is as always: "" or "?…". Reads as the same view again. */
export function formatView(view: View): string {
  const only = view.only?.length === 0 ? "none" : list(view.only ?? []);
  const parts: readonly (readonly [string, string | null])[] = [
    [view.record?.kind.toLowerCase() ?? "", view.record?.id ?? null],
    ["tab", view.tab === "all" ? null : view.tab],
    ["related", view.related ? "yes" : null],
    ["kind", list(view.kinds)],
    ["links", only],
    ["status", list(view.status)],
    ["with-lead", view.lead],
    ["with-contact", view.contact],
    ["with-account", view.account],
    ["assignee", view.assignee],
    ["priority", list(view.priority)],
    ["orphaned", view.orphaned ? "yes" : null],
    ["q", view.search],
  ];
  const given = parts.filter(([, value]) => value).map(([name, value]) => `${name}=${encoded(value ?? "")}`);
  return given.length === 0 ? "" : `?${given.join("&")}`;
}

/** The page's own address with a view. */
export function hrefOf(view: View): string {
  return location.pathname + formatView(view);
}

export type Change = (change: Partial<View>, how?: "push" | "replace") => void;

/** The view now, and a way to change it: by a step that "back" undoes, unless it replaces the last one. */
export function useView(): [View, Change] {
  const query = useSyncExternalStore(onNavigation, () => location.search);
  const view = useMemo(() => parseView(query), [query]);
  const change = useCallback<Change>((change, how = "push") => {
    const before = parseView(location.search);
    const after = { ...before, ...change };
    const href = hrefOf(after);
    if (href === location.pathname + location.search) return;
    const arrival = after.record?.id === before.record?.id ? null : ARRIVAL;
    if (how === "push") history.pushState(arrival, "", href);
    else history.replaceState(arrival, "", href);
    // The browser tells only of its own steps.
    dispatchEvent(new PopStateEvent("popstate"));
  }, []);
  return [view, change];
}

/** What a step of history holds until its heading has had the focus. */
const ARRIVAL = "arrival";

/** Say that somebody has just come to another record by a step of history. */
export function markArrival(): void {
  history.replaceState(ARRIVAL, "");
}

/** Whether somebody has just come to another record; true once for each step there. */
export function takeArrival(): boolean {
  if (history.state !== ARRIVAL) return false;
  history.replaceState(null, "");
  return true;
}

export function recordRef({ kind, id }: RecordId): RecordRef {
  if (kind === "LEAD") return { leadId: id };
  if (kind === "CONTACT") return { contactId: id };
  return { accountId: id };
}

/** Whether the API can be asked for it. What is no UUID names nothing, so nothing is there. */
export function isId(id: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);
}

function onNavigation(tell: () => void): () => void {
  addEventListener("popstate", tell);
  return () => removeEventListener("popstate", tell);
}

function recordOf(given: URLSearchParams): RecordId | null {
  const kind = RECORD_KINDS.find((each) => given.get(each.toLowerCase()));
  return kind ? { kind, id: given.get(kind.toLowerCase()) ?? "" } : null;
}

function oneOf<Value extends string>(values: readonly Value[], given: string | null): Value | undefined {
  return values.find((value) => value.toLowerCase() === given?.toLowerCase());
}

/** In the order of `values`, each once. */
function someOf<Value extends string>(values: readonly Value[], given: string | null): readonly Value[] {
  const named = new Set(given?.toLowerCase().split(","));
  return values.filter((value) => named.has(value.toLowerCase()));
}

function nullIfEmpty<Value>(values: readonly Value[]): readonly Value[] | null {
  return values.length === 0 ? null : values;
}

function list(values: readonly string[]): string {
  return values.join(",").toLowerCase();
}

/** Commas may stand as they are, and an address is read by people too. */
function encoded(value: string): string {
  return encodeURIComponent(value).replaceAll("%2C", ",");
}

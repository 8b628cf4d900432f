/** Finds a lead, a contact or an account by a few letters, and opens its timeline. */
import { useCallback, useRef, type KeyboardEvent } from "react";
import { useClient } from "urql";
import { query } from "../../api/query";
import { SearchRecordsDocument, type FoundRecordFragment, type RecordKind } from "../../generated/operations";
import { Combobox, type Described } from "../../ui/combobox";
import { MOST_CHOICES } from "../../ui/use-search";
import { useView, viewOf } from "../address/view";
import { useShortcut } from "../keys/shortcuts";
import { RecordIcon } from "../record-icon";
import { RECORD_WORDS } from "../words";
import "./record-search.css";

const LABEL = "Find a lead, contact or account";

export function RecordSearch() {
  const [, change] = useView();
  const search = useRecords();
  const box = useRef<HTMLElement>(null);
  useShortcut("search", () => box.current?.querySelector("input")?.focus());
  // Escape takes the text back first; then the field is left, for the single keys to be keys again.
  const leave = ({ key, target }: KeyboardEvent): void => {
    if (key === "Escape" && target instanceof HTMLElement) target.blur();
  };
  return (
    <search ref={box} className="record-search" onKeyDown={leave}>
      <Combobox
        label={LABEL}
        isLabelHidden
        isWay
        placeholder={LABEL}
        value={null}
        search={search}
        describe={describeRecord}
        onChange={(record) => record && change(viewOf({ kind: kindOf(record), id: record.id }))}
      />
    </search>
  );
}

/** A search for pickers: of all three kinds, or of one. */
export function useRecords(kind?: RecordKind) {
  const client = useClient();
  return useCallback(
    async (term: string, signal: AbortSignal): Promise<readonly FoundRecordFragment[]> => {
      if (term === "") return [];
      const variables = { search: term, kinds: kind ? [kind] : null, first: MOST_CHOICES + 1 };
      return (await query(client, SearchRecordsDocument, variables, signal)).searchRecords;
    },
    [client, kind],
  );
}

export function kindOf(record: FoundRecordFragment): RecordKind {
  return record.__typename.toUpperCase() as RecordKind;
}

/** What tells two of the same kind and name apart. */
export function detailOf(record: FoundRecordFragment): string {
  const parts = record.__typename === "Account" ? [record.contact?.displayName] : [record.company, record.email];
  return parts.filter(Boolean).join(" · ");
}

/** The name, the kind, and what tells two of the same name apart. */
export function describeRecord(record: FoundRecordFragment): Described {
  const detail = [RECORD_WORDS[kindOf(record)], detailOf(record)].filter(Boolean).join(" · ");
  return { text: record.displayName, detail, icon: <RecordIcon kind={kindOf(record)} /> };
}

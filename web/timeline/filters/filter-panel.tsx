/** All that a view can be filtered by. */
import type { RecordKind } from "../../generated/operations";
import { Combobox, type Described } from "../../ui/combobox";
import { INTERACTION_KINDS, PRIORITIES, RECORD_KINDS, STATUSES, useView } from "../address/view";
import { RecordIcon } from "../record-icon";
import { useColleagues } from "../search/colleagues";
import { describeRecord, useRecords } from "../search/record-search";
import { KIND_WORDS, linksWords, PRIORITY_WORDS, RECORD_WORDS, STATUS_WORDS } from "../words";
import { shownName, type Names } from "./names";

export function FilterPanel({ names }: { readonly names: Names }) {
  const [view, change] = useView();
  return (
    <>
      {view.record === null ? null : (
        <Choices name="Kind" values={INTERACTION_KINDS} words={KIND_WORDS} chosen={view.kinds} onChange={(kinds) => change({ kinds })} />
      )}
      <Choices name="Status" values={STATUSES} words={STATUS_WORDS} chosen={view.status} onChange={(status) => change({ status })} />
      <Choices
        name="Priority"
        values={PRIORITIES}
        words={PRIORITY_WORDS}
        chosen={view.priority}
        onChange={(priority) => change({ priority })}
      />
      <div className="filters__fields">
        {RECORD_KINDS.filter((kind) => kind !== view.record?.kind).map((kind) => (
          <RecordField key={kind} kind={kind} names={names} />
        ))}
        <AssigneeField names={names} />
        <LinksField />
      </div>
      {view.record === null ? (
        <label className="choice">
          <input type="checkbox" checked={view.orphaned} onChange={() => change({ orphaned: !view.orphaned })} />
          Only tasks whose every link is lost
        </label>
      ) : null}
    </>
  );
}

interface ChoicesProps<Value extends string> {
  readonly name: string;
  readonly values: readonly Value[];
  readonly words: Readonly<Record<Value, string>>;
  readonly chosen: readonly Value[];
  readonly onChange: (chosen: readonly Value[]) => void;
}

function Choices<Value extends string>({ name, values, words, chosen, onChange }: ChoicesProps<Value>) {
  const toggle = (value: Value): void =>
    onChange(values.filter((each) => (each === value) !== chosen.includes(each)));
  return (
    <fieldset className="filters__choices">
      <legend className="field__label">{name}</legend>
      {values.map((value) => (
        <label key={value} className="choice">
          <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
          {words[value]}
        </label>
      ))}
    </fieldset>
  );
}

/** What a combobox offers here: the name is all that the address can be read back to. */
interface Option extends Described {
  readonly id: string;
}

const asItIs = (option: Option): Described => option;

/** An identifier's option; null without one. */
function optionOf(id: string | null, names: Names): Option | null {
  return id === null ? null : { id, text: shownName(id, names) };
}

function RecordField({ kind, names }: { readonly kind: RecordKind; readonly names: Names }) {
  const [view, change] = useView();
  const field = FIELDS[kind];
  const records = useRecords(kind);
  const chosen = optionOf(view[field], names);
  return (
    <Combobox<Option>
      label={RECORD_WORDS[kind]}
      placeholder={`Any ${RECORD_WORDS[kind].toLowerCase()}`}
      value={chosen && { ...chosen, icon: <RecordIcon kind={kind} /> }}
      search={async (term, signal) => (await records(term, signal)).map((record) => ({ id: record.id, ...describeRecord(record) }))}
      describe={asItIs}
      onChange={(option) => change({ [field]: option?.id ?? null })}
    />
  );
}

const FIELDS = { LEAD: "lead", CONTACT: "contact", ACCOUNT: "account" } as const;

function AssigneeField({ names }: { readonly names: Names }) {
  const [view, change] = useView();
  const colleagues = useColleagues();
  return (
    <Combobox<Option>
      label="Assigned to"
      placeholder="Anybody"
      value={optionOf(view.assignee, names)}
      search={async (term, signal) =>
        (await colleagues(term, signal)).map(({ id, displayName, email }) => ({ id, text: displayName, detail: email }))
      }
      describe={asItIs}
      onChange={(option) => change({ assignee: option?.id ?? null })}
    />
  );
}

const COMBINATIONS: readonly (readonly RecordKind[])[] = [
  ["LEAD"],
  ["CONTACT"],
  ["ACCOUNT"],
  ["LEAD", "CONTACT"],
  ["LEAD", "ACCOUNT"],
  ["CONTACT", "ACCOUNT"],
  ["LEAD", "CONTACT", "ACCOUNT"],
  [],
];

function LinksField() {
  const [view, change] = useView();
  const chosen = COMBINATIONS.findIndex((kinds) => kinds.join() === view.only?.join());
  return (
    <label className="field">
      <span className="field__label">Linked to exactly</span>
      <select value={chosen} onChange={(event) => change({ only: COMBINATIONS[Number(event.target.value)] ?? null })}>
        <option value={-1}>Any records</option>
        {COMBINATIONS.map((kinds, place) => (
          <option key={kinds.join()} value={place}>
            {linksWords(kinds)}
          </option>
        ))}
      </select>
    </label>
  );
}

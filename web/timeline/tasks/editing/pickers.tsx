/** The fields in which a record or a colleague is found by a few letters. */
import { useClient } from "urql";
import { query } from "../../../api/query";
import { RelatedRecordsDocument, type RecordKind, type RelatedRecordsQuery } from "../../../generated/operations";
import { Combobox } from "../../../ui/combobox";
import { RecordIcon } from "../../record-icon";
import { useColleagues } from "../../search/colleagues";
import { detailOf, useRecords } from "../../search/record-search";
import { LABELS, LINKS, type LinkField, type Picked, type TaskValues } from "./values";

interface Choice extends Picked {
  readonly detail?: string | null | undefined;
}

const KINDS: Readonly<Record<LinkField, RecordKind>> = { lead: "LEAD", contact: "CONTACT", account: "ACCOUNT" };

interface LinkPickerProps {
  readonly link: LinkField;
  readonly values: TaskValues;
  readonly onChange: (value: Picked | null) => void;
  readonly error: string | undefined;
  /** The name of the record that was linked here and has been deleted, if one was. */
  readonly lost: string | null;
}

export function LinkPicker({ link, values, onChange, error, lost }: LinkPickerProps) {
  const kind = KINDS[link];
  const records = useRecords(kind);
  const related = useRelated(link, values);
  const search = async (term: string, signal: AbortSignal): Promise<readonly Choice[]> => {
    if (term === "") return related(signal);
    const found = await records(term, signal);
    return found.map((record) => ({ id: record.id, displayName: record.displayName, detail: detailOf(record) }));
  };
  return (
    <Combobox<Choice>
      label={LABELS[link]}
      name={link}
      placeholder={`Find ${link === "account" ? "an" : "a"} ${link}`}
      value={values[link]}
      search={search}
      describe={({ displayName, detail }) => ({ text: displayName, detail, icon: <RecordIcon kind={kind} /> })}
      onChange={(picked) => onChange(picked && { id: picked.id, displayName: picked.displayName })}
      error={error}
      hint={
        lost === null || values[link] !== null ? null : (
          <>
            Was linked to <bdi>{lost}</bdi>, which has been deleted.
          </>
        )
      }
    />
  );
}

/** Offers what belongs with the records that are linked already, before anything is typed. */
function useRelated(link: LinkField, values: TaskValues): (signal: AbortSignal) => Promise<readonly Choice[]> {
  const client = useClient();
  return async (signal) => {
    const others = LINKS.flatMap((other) => (other === link ? [] : (values[other]?.id ?? [])));
    const answers = await Promise.all(others.map((id) => query(client, RelatedRecordsDocument, { id }, signal)));
    const found = answers.flatMap(({ node }) => relatedOf(node, link));
    return [...new Map(found.map((record) => [record.id, record])).values()];
  };
}

function relatedOf(node: RelatedRecordsQuery["node"], link: LinkField): readonly Choice[] {
  switch (node?.__typename) {
    case "Lead":
      return link === "contact" ? some(node.contact) : [];
    case "Contact":
      return link === "account"
        ? node.accounts.edges.map(({ node: account }) => account)
        : link === "lead"
          ? some(node.lead)
          : [];
    case "Account":
      return link === "contact" ? some(node.contact) : [];
    default:
      return [];
  }
}

function some(record: Picked | null): readonly Choice[] {
  return record === null ? [] : [record];
}

interface AssigneePickerProps {
  readonly value: Picked | null;
  readonly onChange: (value: Picked | null) => void;
  readonly error: string | undefined;
}

export function AssigneePicker({ value, onChange, error }: AssigneePickerProps) {
  const colleagues = useColleagues();
  return (
    <Combobox<Choice>
      label={LABELS.assignee}
      name="assignee"
      placeholder="Find a colleague"
      // A task is always somebody's.
      canBeEmpty={false}
      value={value}
      search={async (term, signal) =>
        (await colleagues(term, signal)).map(({ id, displayName, email }) => ({ id, displayName, detail: email }))
      }
      describe={({ displayName, detail }) => ({ text: displayName, detail })}
      onChange={(picked) => onChange(picked && { id: picked.id, displayName: picked.displayName })}
      error={error}
    />
  );
}

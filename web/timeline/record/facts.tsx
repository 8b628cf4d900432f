/** What is known of a record beside its name, each thing in a word or two: items of the header's list. */
import type { ReactNode } from "react";
import type { RecordHeadFragment, RecordKind } from "../../generated/operations";
import { viewOf } from "../address/view";
import { ViewLink } from "../address/view-link";
import { counted } from "../english";
import { RecordIcon } from "../record-icon";
import { RECORD_WORDS } from "../words";

export function Facts({ record }: { readonly record: RecordHeadFragment }) {
  switch (record.__typename) {
    case "Lead":
      return (
        <>
          <Fact name="Kind">{RECORD_WORDS.LEAD}</Fact>
          <Status status={record.leadStatus} />
          <Reach {...record} />
          <Fact name="Became the contact">{record.convertedTo && <RecordLink kind="CONTACT" {...record.convertedTo} />}</Fact>
        </>
      );
    case "Contact":
      return (
        <>
          <Fact name="Kind">{RECORD_WORDS.CONTACT}</Fact>
          <Status status={record.contactStatus} />
          <Reach {...record} />
          <Fact name="Was the lead">{record.convertedFrom && <RecordLink kind="LEAD" {...record.convertedFrom} />}</Fact>
          <Accounts accounts={record.accounts} />
        </>
      );
    case "Account":
      return (
        <>
          <Fact name="Kind">{RECORD_WORDS.ACCOUNT}</Fact>
          <Status status={record.accountStatus} />
          <Fact name="Held by">{record.holder && <RecordLink kind="CONTACT" {...record.holder} />}</Fact>
        </>
      );
  }
}

interface FactProps {
  readonly name: string;
  /** A fact of which nothing is known is left out. */
  readonly children: ReactNode;
  /** Where the value says by itself what it is, its name is only read aloud. */
  readonly isNamed?: boolean;
}

function Fact({ name, children, isNamed = false }: FactProps) {
  if (children === null || children === undefined || children === "") return null;
  return (
    <li className="header__fact">
      <span className={isNamed ? "header__fact-name" : "visually-hidden"}>{name}: </span>
      <bdi>{children}</bdi>
    </li>
  );
}

function Status({ status }: { readonly status: string | null | undefined }) {
  return <Fact name="Status">{status ? <span className="badge">{status.replaceAll("_", " ")}</span> : null}</Fact>;
}

interface ReachProps {
  readonly company?: string | null;
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly owner?: { readonly displayName: string } | null;
}

/** How to get hold of a person, and who looks after them. */
function Reach({ company, email, phone, owner }: ReachProps) {
  return (
    <>
      <Fact name="Company">{company}</Fact>
      <Fact name="E-mail">{email ? <a href={`mailto:${encodeURIComponent(email).replace("%40", "@")}`}>{email}</a> : null}</Fact>
      <Fact name="Telephone">{phone ? <a href={`tel:${phone.replaceAll(/[^\d+]/g, "")}`}>{phone}</a> : null}</Fact>
      <Fact name="Looked after by" isNamed>
        {owner?.displayName}
      </Fact>
    </>
  );
}

interface Named {
  readonly id: string;
  readonly displayName: string;
}

interface AccountsProps {
  readonly accounts: { readonly totalCount: number; readonly edges: readonly { readonly node: Named }[] };
}

function Accounts({ accounts: { edges, totalCount } }: AccountsProps) {
  const rest = totalCount - edges.length;
  return (
    <>
      {edges.map(({ node }) => (
        <Fact key={node.id} name="Holds the account">
          <RecordLink kind="ACCOUNT" {...node} />
        </Fact>
      ))}
      {rest > 0 ? <li>{rest === 1 ? "and 1 more account" : `and ${counted(rest)} more accounts`}</li> : null}
    </>
  );
}

function RecordLink({ kind, id, displayName }: Named & { readonly kind: RecordKind }) {
  return (
    <ViewLink to={viewOf({ kind, id })} className="chip">
      <RecordIcon kind={kind} size={14} />
      <span className="chip__name">{displayName}</span>
    </ViewLink>
  );
}

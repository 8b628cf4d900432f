/** The picture of a kind of record; it stands beside a name that says the rest. */
import { BriefcaseBusiness, Sprout, User, type LucideIcon } from "lucide-react";
import type { RecordKind } from "../generated/operations";

const ICONS: Readonly<Record<RecordKind, LucideIcon>> = { LEAD: Sprout, CONTACT: User, ACCOUNT: BriefcaseBusiness };

export function RecordIcon({ kind, size = 16 }: { readonly kind: RecordKind; readonly size?: number }) {
  const Icon = ICONS[kind];
  return <Icon aria-hidden size={size} />;
}

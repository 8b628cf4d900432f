/** The picture of a kind of record; it stands beside a name that says the rest. */
import { KeyRound, User, UserPlus } from "lucide-react";
import type { RecordKind } from "../generated/operations";

const ICONS = { LEAD: UserPlus, CONTACT: User, ACCOUNT: KeyRound } as const satisfies Record<RecordKind, unknown>;

export function RecordIcon({ kind, size = 16 }: { readonly kind: RecordKind; readonly size?: number }) {
  const Icon = ICONS[kind];
  return <Icon aria-hidden size={size} />;
}

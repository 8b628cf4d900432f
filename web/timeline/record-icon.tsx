/** The picture of a kind of record; it stands beside a name that says the rest. */
import type { RecordKind } from "../generated/operations";
import { RECORD_ICONS } from "./chips";

export function RecordIcon({ kind, size = 16 }: { readonly kind: RecordKind; readonly size?: number }) {
  const Icon = RECORD_ICONS[kind];
  return <Icon aria-hidden size={size} />;
}

/** Who or what the view is about, and whether related records join in. */
import type { RecordHeadFragment } from "../generated/operations";
import "./header.css";

interface HeaderProps {
  /** Null while it is asked for. */
  readonly record: RecordHeadFragment | null;
}

export function Header({ record }: HeaderProps) {
  return (
    <header className="header">
      <h1 dir="auto">{record?.displayName}</h1>
    </header>
  );
}

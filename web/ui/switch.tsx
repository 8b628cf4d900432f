/** Something that is on or off, at once. */
import type { ReactNode } from "react";
import "./switch.css";

interface SwitchProps {
  readonly isOn: boolean;
  readonly onTurn: (on: boolean) => void;
  readonly children: ReactNode;
}

export function Switch({ isOn, onTurn, children }: SwitchProps) {
  return (
    <label className="choice">
      <input className="switch" type="checkbox" role="switch" checked={isOn} onChange={(event) => onTurn(event.target.checked)} />
      {children}
    </label>
  );
}

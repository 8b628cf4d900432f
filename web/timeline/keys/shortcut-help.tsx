/** The keys and what they do, behind "?" and a button of their own. */
import { Keyboard } from "lucide-react";
import { useState } from "react";
import { Dialog } from "../../ui/dialog";
import { Switch } from "../../ui/switch";
import { useViewer } from "../signed-in";
import "./shortcut-help.css";
import { areShortcutsOn, SHORTCUTS, turnShortcuts, useShortcut } from "./shortcuts";

const CHANGING: ReadonlySet<string> = new Set(["new", "complete", "edit", "undo"]);

export function ShortcutHelp() {
  const [isOpen, setIsOpen] = useState(false);
  useShortcut("help", () => setIsOpen(true));
  return (
    <>
      <button
        type="button"
        className="button--quiet button--icon shortcut-help-opener"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts"
        onClick={() => setIsOpen(true)}
      >
        <Keyboard aria-hidden size={18} />
      </button>
      {isOpen ? <Help onClose={() => setIsOpen(false)} /> : null}
    </>
  );
}

function Help({ onClose }: { readonly onClose: () => void }) {
  const [isOn, setIsOn] = useState(areShortcutsOn);
  const { mayWrite } = useViewer();
  const turn = (on: boolean): void => {
    turnShortcuts(on);
    setIsOn(on);
  };
  return (
    <Dialog title="Keyboard shortcuts" size="small" onClose={onClose}>
      <div className="dialog__body">
        <dl className="shortcut-help">
          {Object.entries(SHORTCUTS)
            .filter(([name]) => mayWrite || !CHANGING.has(name))
            .map(([name, { key, does }]) => (
              <div key={name} className="shortcut-help__key">
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          <div className="shortcut-help__key">
            <dt>
              <kbd>Esc</kbd>
            </dt>
            <dd>Close what is open</dd>
          </div>
        </dl>
        <Switch isOn={isOn} onTurn={turn}>
          Single keys are on
        </Switch>
      </div>
    </Dialog>
  );
}

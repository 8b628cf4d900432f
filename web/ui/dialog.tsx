/** A question that comes before the page: the browser's own dialog, which keeps the focus and gives it back. */
import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import "./dialog.css";
import { focusNear } from "./focus-near";

interface DialogProps {
  readonly title: string;
  /** Called on Escape and by the close button; the owner takes the dialog away. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Small for a question, wide for a form. */
  readonly size?: "small" | "wide";
}

/** Open for as long as it is rendered. */
export function Dialog({ title, onClose, children, size = "wide" }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    const stayNear = focusNear(opener);
    if (shown === null) return;
    shown.showModal();
    // The browser would begin at the close button, which comes first and is wanted last.
    const first = shown.querySelector<HTMLElement>("input, textarea, select");
    first?.focus();
    // Whoever changes a text goes on at its end; the browser would begin before its first letter.
    if (first instanceof HTMLTextAreaElement) first.setSelectionRange(first.value.length, first.value.length);
    return () => {
      shown.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
      // What opened it may go with the change that was made here.
      stayNear();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`ui dialog dialog--${size}`}
      aria-labelledby={id}
      onCancel={(event) => {
        // A combobox or a date field inside takes back its own things first; their events rise to here too.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
      // A second Escape in a row closes it without asking.
      onClose={onClose}
    >
      <div className="dialog__head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="button--quiet button--icon" aria-label="Close" onClick={onClose}>
          <X aria-hidden size={18} />
        </button>
      </div>
      {children}
    </dialog>
  );
}

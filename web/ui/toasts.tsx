/** Short words about what has just been done, with the way back where there is one. */
import { X } from "lucide-react";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import "./toasts.css";

export interface Toast {
  /** What it is about, a task's identifier say: the last word about a thing takes the place of the one before. */
  readonly about: string;
  readonly text: ReactNode;
  /** Said below the text: what is odd about the result, for instance. */
  readonly detail?: ReactNode;
  readonly kind?: "ok" | "warn" | "danger" | undefined;
  /** The way back, and another one to go on; at most one of the two. */
  readonly undo?: (() => void) | undefined;
  readonly action?: { readonly label: string; readonly act: () => void } | undefined;
}

export interface Toasts {
  readonly show: (toast: Toast) => void;
  /** Undo what the newest toast offers to undo, if any does. */
  readonly undo: () => void;
}

interface Shown extends Toast {
  readonly id: number;
}

const ToastsContext = createContext<Toasts | null>(null);
// More than these would hide the page; the oldest goes first.
const MOST = 3;
const WORD_MS = 6_000;
// Time to read, to think, and to get there by keyboard; the clock stands still under the pointer or the focus.
const ACTION_MS = 30_000;

export function useToasts(): Toasts {
  const toasts = useContext(ToastsContext);
  if (toasts === null) throw new Error("useToasts needs a <ToastsProvider> around it");
  return toasts;
}

export function ToastsProvider({ children }: { readonly children: ReactNode }) {
  const [shown, setShown] = useState<readonly Shown[]>([]);
  const show = useCallback((toast: Toast): void => {
    setShown((before) => {
      const others = before.filter(({ about }) => about !== toast.about);
      return [...others, { ...toast, id: (before.at(-1)?.id ?? 0) + 1 }].slice(-MOST);
    });
  }, []);
  const close = useCallback((id: number): void => setShown((before) => before.filter((each) => each.id !== id)), []);
  const latest = useRef(shown);
  useEffect(() => {
    latest.current = shown;
  });
  const undo = useCallback((): void => {
    const newest = latest.current.findLast((toast) => toast.undo !== undefined);
    if (newest === undefined) return;
    close(newest.id);
    newest.undo?.();
  }, [close]);
  const toasts = useMemo(() => ({ show, undo }), [show, undo]);
  return (
    <ToastsContext value={toasts}>
      {children}
      <section className="ui toasts" aria-label="Notifications">
        <div role="status" className="toasts__list">
          {shown.map((toast) => (
            <ToastCard key={toast.id} toast={toast} onClose={() => close(toast.id)} />
          ))}
        </div>
      </section>
    </ToastsContext>
  );
}

function ToastCard({ toast, onClose }: { readonly toast: Shown; readonly onClose: () => void }) {
  const { kind = "ok" } = toast;
  const action = toast.undo ? { label: "Undo", act: toast.undo } : toast.action;
  const [isHeld, setIsHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(onClose, action === undefined && toast.detail === undefined ? WORD_MS : ACTION_MS);
    return () => clearTimeout(timer);
    // A new function at each render mustn't start the time anew.
  }, [isHeld, action === undefined]);
  const hold = () => setIsHeld(true);
  const release = () => setIsHeld(false);
  return (
    <div
      className={`toasts__toast toasts__toast--${kind}`}
      onMouseEnter={hold}
      onMouseLeave={release}
      onFocus={hold}
      onBlur={release}
    >
      <div className="toasts__words">
        <p dir="auto">{toast.text}</p>
        {toast.detail === undefined ? null : (
          <p className="toasts__detail" dir="auto">
            {toast.detail}
          </p>
        )}
      </div>
      {action === undefined ? null : (
        <button
          type="button"
          className="button--small"
          onClick={() => {
            onClose();
            action.act();
          }}
        >
          {action.label}
        </button>
      )}
      <button type="button" className="button--quiet button--icon button--small" aria-label="Dismiss" onClick={onClose}>
        <X aria-hidden size={16} />
      </button>
    </div>
  );
}

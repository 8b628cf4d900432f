/** A text of any length: its first lines, and the whole of it when asked for. */
import { useState } from "react";

// What surely fits in two lines on a narrow screen; more is cut off by the stylesheet, so it must be openable.
const SHORT = 90;

export function LongText({ className, text }: { readonly className: string; readonly text: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const isLong = text.length > SHORT || text.split("\n").length > 2;
  return (
    <div className={`${className}-box`}>
      <p className={isOpen ? `${className} ${className}--open` : className} dir="auto">
        {text}
      </p>
      {isLong ? (
        <button type="button" className="button--link" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? "Less" : "More"}
        </button>
      ) : null}
    </div>
  );
}

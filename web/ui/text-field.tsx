/** A field for plain text that knows how much of it can be kept. What is too long stays, to be shortened by its writer. */
import { useId, type ChangeEvent, type ReactNode } from "react";
import "./text-field.css";

interface TextFieldProps {
  readonly label: string;
  /** The name by which a form finds the field, to move the focus to it. */
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Characters, counted as the API counts: an emoji of several parts is as many as it has. */
  readonly longest: number;
  /** A line breaks nowhere but at its ends: Enter saves the form, and breaks in pasted text become blanks. */
  readonly isLine?: boolean;
  readonly error?: string | null | undefined;
  readonly hint?: ReactNode;
  readonly isRequired?: boolean;
}

// Nobody counts while there is plenty of room.
const NEAR = 0.8;

export function TextField({
  label,
  name,
  value,
  onChange,
  longest,
  isLine = false,
  error,
  hint,
  isRequired = false,
}: TextFieldProps) {
  const id = useId();
  const length = lengthOf(value);
  const isOver = length > longest;
  const change = ({ target }: ChangeEvent<HTMLTextAreaElement>): void =>
    onChange(isLine ? unbroken(storable(target.value)) : storable(target.value));
  return (
    <div className="field">
      <label className="field__label" htmlFor={id}>
        {label}
      </label>
      <textarea
        id={id}
        name={name}
        className={isLine ? "text-field text-field--line" : "text-field"}
        dir={hasRightToLeft(value) ? "auto" : "ltr"}
        rows={isLine ? 1 : 4}
        value={value}
        aria-required={isRequired}
        aria-invalid={Boolean(error) || isOver}
        aria-describedby={`${id}-error ${id}-hint`}
        onChange={change}
        onKeyDown={(event) => {
          const isSaving =
            event.key === "Enter" && !event.nativeEvent.isComposing && (isLine || event.ctrlKey || event.metaKey);
          if (!isSaving) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      <p className="field__hint" id={`${id}-hint`}>
        {hint}
        {length > longest * NEAR && !isOver
          ? ` ${length.toLocaleString("en")} of ${longest.toLocaleString("en")} characters`
          : null}
      </p>
      <p className="field__error" id={`${id}-error`} aria-live="polite">
        {isOver
          ? `${(length - longest).toLocaleString("en")} characters too many. Shorten it to ${longest.toLocaleString("en")}.`
          : error}
      </p>
    </div>
  );
}

/** How many characters the API would count: code points, without blanks at the ends. */
export function lengthOf(text: string): number {
  const trimmed = text.trim();
  return trimmed.length - (trimmed.match(PAIRS)?.length ?? 0);
}

// One character that is stored as two.
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/g;

/**
 * Whether there may be a letter that is read from right to left. Without one "auto" comes to "ltr", and a browser takes
 * four times as long over it: for each key it finds the direction of the whole text anew.
 */
function hasRightToLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

// The blocks of Unicode that are set aside for such letters, by half pairs above 0xffff, and the marks that turn a text.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufeff\ud802\ud803\ud83a\ud83b]/;

/** Without the one character that can't be stored, and that nobody sees. */
function storable(text: string): string {
  return text.replaceAll("\0", "");
}

function unbroken(text: string): string {
  return text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ");
}

/** What an import says beside the file that it makes: about which line, about which key, and what became of it. */

export type Place = { readonly file: string; readonly line: number; readonly column: number };

/**
 * `left-out`: evergate.yaml has no words for it. `changed`: it is there, and means something else than it did.
 * `assumed`: the old files do not say it, and a person has to look at it.
 */
export type RemarkKind = 'left-out' | 'changed' | 'assumed';

export type Remark = {
  readonly kind: RemarkKind;
  /** null: about no line in particular. */
  readonly place: Place | null;
  /** The key of evergate.yaml that would say it, such as `timeouts.idle`; empty: none would. */
  readonly key: string;
  /** Capital first, no full stop. */
  readonly text: string;
};

const WORDS: Readonly<Record<RemarkKind, string>> = {
  'left-out': 'left out',
  changed: 'changed',
  assumed: 'assumed',
};

export function placeText({ file, line, column }: Place): string {
  if (line === 0) return file;
  return column === 0 ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** As standard error has it, in the form of diagnostics. */
export function formatRemark({ kind, place, text }: Remark): string {
  const where = place === null ? '' : `${placeText(place)}: `;
  return `${where}${WORDS[kind]}: ${text}`;
}

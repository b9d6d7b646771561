/** Collects what is to be said about one haproxy.cfg: bounded, each sentence once per place. */

import type { Diagnostic, DiagnosticCode, Severity } from '../diagnostics.ts';

/** Diagnoses kept of one file; one more says how many there were. */
export const DIAGNOSTICS_MAX = 500;

/** A place in the file, both from 1; column 0: the whole line; line 0: the whole file. */
export type Place = { readonly line: number; readonly column: number };

export const WHOLE_FILE: Place = { line: 0, column: 0 };

export type Report = {
  readonly file: string;
  error(place: Place, code: DiagnosticCode, text: string): void;
  warning(place: Place, code: DiagnosticCode, text: string): void;
  /** Takes over what another stage already found. */
  add(diagnostics: readonly Diagnostic[]): void;
  failed(): boolean;
  /** Everything said, in the order of the file. */
  diagnostics(): Diagnostic[];
};

/** `keptMax`: more than that are only counted. */
export function createReport(file: string, keptMax = DIAGNOSTICS_MAX): Report {
  const kept: Diagnostic[] = [];
  const seen = new Set<string>();
  let dropped = 0;
  let errors = 0;
  const push = (diagnostic: Diagnostic): void => {
    const { line, column, text } = diagnostic;
    if (diagnostic.severity === 'error') errors += 1;
    const key = `${line}:${column}:${text}`;
    if (seen.has(key)) return;
    if (kept.length >= keptMax) {
      dropped += 1;
      return;
    }
    seen.add(key);
    kept.push(diagnostic);
  };
  const say = (severity: Severity, place: Place, code: DiagnosticCode, text: string): void =>
    push({ file, line: place.line, column: place.column, severity, text, code });
  return {
    file,
    error: (place, code, text) => say('error', place, code, text),
    warning: (place, code, text) => say('warning', place, code, text),
    add: (diagnostics) => diagnostics.forEach(push),
    failed: () => errors > 0,
    diagnostics: () => {
      const sorted = kept.toSorted((a, b) => a.line - b.line || a.column - b.column);
      if (dropped === 0) return sorted;
      const text = `${dropped} more problems are not shown; fix these first`;
      const severity = errors > 0 ? 'error' : 'warning';
      sorted.push({ file, line: 0, column: 0, severity, text, code: 'syntax-error' });
      return sorted;
    },
  };
}

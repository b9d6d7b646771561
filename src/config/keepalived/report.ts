/** Collects what the steps of the keepalived.conf front end have to say, each with its place. */

import type { Diagnostic, DiagnosticCode, Severity } from '../diagnostics.ts';
import type { Position } from './lexer.ts';

/** Diagnoses of one configuration at most; a file with more is not a keepalived.conf. */
export const DIAGNOSTICS_MAX = 500;

export class Report {
  readonly #diagnostics: Diagnostic[] = [];

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** What is said from now on is left out: looking for a better word is not worth the time. */
  get full(): boolean {
    return this.#diagnostics.length > DIAGNOSTICS_MAX;
  }

  error(at: Position, code: DiagnosticCode, text: string): void {
    this.#add(at, 'error', code, text);
  }

  warning(at: Position, code: DiagnosticCode, text: string): void {
    this.#add(at, 'warning', code, text);
  }

  append(diagnostics: readonly Diagnostic[]): void {
    for (const diagnostic of diagnostics) {
      const { severity, code, text } = diagnostic;
      this.#add(diagnostic, severity, code, text);
    }
  }

  /** Above the limit only errors still count: the last one says that more are left out. */
  #add(at: Position, severity: Severity, code: DiagnosticCode, text: string): void {
    const { file, line, column } = at;
    const count = this.#diagnostics.length;
    if (count < DIAGNOSTICS_MAX) {
      this.#diagnostics.push({ file, line, column, severity, text, code });
    } else if (count === DIAGNOSTICS_MAX) {
      const rest = 'Too many problems; the rest is left out';
      this.#diagnostics.push({
        file,
        line,
        column,
        severity: 'error',
        text: rest,
        code: 'syntax-error',
      });
    }
  }
}

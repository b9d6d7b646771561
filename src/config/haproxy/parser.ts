/**
 * Cuts haproxy.cfg into sections of lines of words. Environment variables are replaced on the way, with
 * what `setenv` and its like in the global section change for the lines after them.
 */

import { didYouMean } from '../suggest.ts';
import { SECTIONS } from './directives-global.ts';
import { type Lookup, lexLine, type Word } from './lexer.ts';
import type { Place, Report } from './report.ts';

/** Lines one file may have. */
export const LINES_MAX = 50_000;

/** Characters one file may have. */
export const FILE_LENGTH_MAX = 4 * 1024 * 1024;

/** A line of a section: at least one word. */
export type Line = { readonly first: Word; readonly rest: readonly Word[] };

export type Section = {
  readonly keyword: Word;
  /** Words after the keyword. */
  readonly args: readonly Word[];
  readonly lines: readonly Line[];
};

type Environment = Map<string, string>;

/** `setenv`, `presetenv`, `unsetenv`, `resetenv` (configuration manual section 3.1). */
function changeEnvironment(environment: Environment, line: Line): void {
  const [name, value] = line.rest.map((word) => word.text);
  const names = new Set(line.rest.map((word) => word.text));
  if (line.first.text === 'unsetenv') for (const each of names) environment.delete(each);
  if (line.first.text === 'resetenv') {
    for (const each of [...environment.keys()]) if (!names.has(each)) environment.delete(each);
  }
  if (name === undefined || value === undefined) return;
  if (line.first.text === 'setenv') environment.set(name, value);
  if (line.first.text === 'presetenv' && !environment.has(name)) environment.set(name, value);
}

/** Conditional blocks and messages of the configuration manual's section 2.4 begin with a dot. */
const PREPROCESSOR = ['.if', '.elif', '.else', '.endif', '.diag', '.notice', '.warning', '.alert'];

function refusePreprocessor(report: Report, word: Word): void {
  const text = `"${word.text}" is not supported: write out the lines that apply`;
  report.error(word, 'unsupported-directive', text);
}

function refuseLoose(report: Report, word: Word): void {
  const hint = didYouMean(word.text, SECTIONS.keys());
  const text = `"${word.text}" stands before any section and begins none${hint}`;
  report.error(word, 'unknown-directive', text);
}

/** Tells of a section that is left out; true when its lines are not to be read. */
function leaveOut(report: Report, keyword: Word): boolean {
  const treatment = SECTIONS.get(keyword.text);
  if (treatment === undefined || treatment.does === 'convert') return false;
  const { does, why } = treatment;
  if (does === 'ignore') {
    report.warning(keyword, 'ignored-directive', `Section "${keyword.text}" is ignored: ${why}`);
  } else {
    const text = `Section "${keyword.text}" is not supported: ${why}`;
    report.error(keyword, 'unsupported-directive', text);
  }
  return true;
}

function tooLarge(report: Report, text: string, lines: readonly string[]): boolean {
  const place: Place = { line: 0, column: 0 };
  if (text.length > FILE_LENGTH_MAX) {
    report.error(place, 'syntax-error', `The file is longer than ${FILE_LENGTH_MAX} characters`);
  } else if (lines.length > LINES_MAX) {
    report.error(place, 'syntax-error', `The file has more than ${LINES_MAX} lines`);
  } else return false;
  return true;
}

/** As HAProxy does: what a cut-off file lacks may be half of its last word. */
function refuseCutOff(report: Report, lines: readonly string[]): void {
  const last = lines.at(-1) ?? '';
  if (last === '') return;
  const place = { line: lines.length, column: [...last].length + 1 };
  const text =
    'The last line has no line end, so the file may be cut off: see that it is whole, and end the line';
  report.error(place, 'syntax-error', text);
}

function createLookup(
  report: Report,
  environment: Environment,
  at: { line: number; section: string },
): Lookup {
  return (name) => {
    if (name === '.FILE') return report.file;
    if (name === '.LINE') return String(at.line);
    if (name === '.SECTION') return at.section;
    return environment.get(name);
  };
}

/** Sections in the order of the file; what is malformed is reported and left out. */
export function parseSections(
  report: Report,
  text: string,
  env: Readonly<Record<string, string>>,
): readonly Section[] {
  const lines = text.split('\n');
  if (tooLarge(report, text, lines)) return [];
  refuseCutOff(report, lines);
  const environment: Environment = new Map(Object.entries(env));
  const at = { line: 0, section: '' };
  const lookup = createLookup(report, environment, at);
  const sections: Section[] = [];
  /** Lines of the section being read; null before the first and inside one left out. */
  let body: Line[] | null = null;
  let leftOut = false;
  for (const [index, lineText] of lines.entries()) {
    at.line = index + 1;
    const lexed = lexLine(lineText, at.line, lookup);
    for (const problem of lexed.problems) {
      const place = { line: at.line, column: problem.column };
      if (problem.severity === 'error') report.error(place, problem.code, problem.text);
      else report.warning(place, problem.code, problem.text);
    }
    const [first, ...rest] = lexed.words;
    if (first === undefined) continue;
    if (PREPROCESSOR.includes(first.text)) {
      refusePreprocessor(report, first);
    } else if (SECTIONS.has(first.text)) {
      at.section = rest[0]?.text ?? first.text;
      leftOut = leaveOut(report, first);
      body = leftOut ? null : [];
      if (body !== null) sections.push({ keyword: first, args: rest, lines: body });
    } else if (body !== null) {
      const line = { first, rest };
      body.push(line);
      if (sections.at(-1)?.keyword.text === 'global') changeEnvironment(environment, line);
    } else if (!leftOut) {
      refuseLoose(report, first);
    }
  }
  return sections;
}

/**
 * Looks a line up in the directive table and does what the table says: left out with a warning, refused,
 * or handed to a converter once its arguments are counted.
 */

import { unreachable } from '../../core/assert.ts';
import { didYouMean, nearest } from '../suggest.ts';
import {
  type Directive,
  type DirectiveTable,
  familyWords,
  findDirective,
  firstWords,
  type Treatment,
} from './directives.ts';
import type { Word } from './lexer.ts';
import type { Line } from './parser.ts';
import type { Place, Report } from './report.ts';

/** A directive to convert: its arguments, and whether `no` or `default` stood before it. */
export type Call = {
  readonly name: string;
  /** Its first word as the file has it. */
  readonly word: string;
  readonly place: Place;
  readonly args: readonly Word[];
  readonly negated: boolean;
};

/** Says that a directive is left out, or refused; converted ones are not told of. */
export function tellTreatment(
  report: Report,
  place: Place,
  name: string,
  treatment: Treatment,
): void {
  switch (treatment.does) {
    case 'convert':
      return;
    case 'ignore':
      report.warning(place, 'ignored-directive', `"${name}" is ignored: ${treatment.why}`);
      return;
    case 'lose':
      report.warning(
        place,
        'unsupported-directive',
        `"${name}" is not supported and left out: ${treatment.why}`,
      );
      return;
    case 'refuse':
      report.error(place, 'unsupported-directive', `"${name}" is not supported: ${treatment.why}`);
      return;
    default:
      unreachable(treatment);
  }
}

/** Says that no directive of the table begins like this line. */
function tellUnknown(
  report: Report,
  table: DirectiveTable,
  words: readonly Word[],
  where: string,
): void {
  const [first, second] = words;
  if (first === undefined) return;
  const family = familyWords(table, first.text);
  if (family.length === 0) {
    const hint = didYouMean(first.text, firstWords(table));
    const text = `"${first.text}" is no directive of ${where}${hint}`;
    report.error(first, 'unknown-directive', text);
  } else if (second === undefined) {
    const choice = family.slice(0, 12).join(', ');
    const text = `"${first.text}" needs a word after it, such as ${choice}`;
    report.error(first, 'missing-value', text);
  } else {
    const near = nearest(second.text, family);
    const hint = near === null ? '' : `; did you mean "${first.text} ${near}"`;
    const text = `"${first.text} ${second.text}" is no directive of ${where}${hint}`;
    report.error(second, 'unknown-directive', text);
  }
}

type Conversion = Extract<Treatment, { does: 'convert' }>;

/** Counts the arguments of a directive to convert; false after an error. */
function countArguments(report: Report, call: Call, treatment: Conversion): boolean {
  const min = call.negated ? 0 : treatment.min;
  if (call.args.length < min) {
    const what = min === 1 ? 'an argument' : `${min} arguments`;
    report.error(call.place, 'missing-value', `"${call.name}" needs ${what}`);
    return false;
  }
  const extra = call.args[treatment.max];
  if (extra === undefined) return true;
  const text = `"${extra.text}" is one argument too many for "${call.name}"; quote spaces`;
  if (treatment.extra === 'drop') {
    report.warning(extra, 'syntax-error', `${text}, or it is left out as HAProxy leaves it out`);
    return true;
  }
  report.error(extra, 'syntax-error', text);
  return false;
}

export type Found = { readonly directive: Directive; readonly call: Call };

/**
 * Deals with a directive that has no converter; true when it has one and may be converted, its arguments
 * being as many as it takes. Switching off what Evergate does not do needs no word.
 */
export function mayConvert(report: Report, found: Found): boolean {
  const { call } = found;
  const { name, treatment } = found.directive;
  if (treatment.does === 'convert') {
    return countArguments(report, call, treatment);
  }
  if (treatment.does === 'ignore' || !call.negated) {
    tellTreatment(report, call.place, name === 'tune.*' ? call.word : name, treatment);
  }
  return false;
}

/** Directives besides `option ...` that `no` and `default` may stand before. */
const NEGATABLE = [
  'log',
  'busy-polling',
  'set-dumpable',
  'strict-limits',
  'insecure-fork-wanted',
  'numa-cpu-mapping',
];

/** Takes `no` and `default` off and finds the directive; null after an error. */
export function findCall(
  report: Report,
  table: DirectiveTable,
  line: Line,
  where: string,
): Found | null {
  const all = [line.first, ...line.rest];
  const prefixed = line.first.text === 'no' || line.first.text === 'default';
  const words = prefixed ? line.rest : all;
  const match = findDirective(
    table,
    words.map((word) => word.text),
  );
  const place = words[0];
  if (place === undefined) {
    const text = `"${line.first.text}" needs an option after it, as in "no option tcpka"`;
    report.error(line.first, 'missing-value', text);
    return null;
  }
  if (match === null) {
    tellUnknown(report, table, words, where);
    return null;
  }
  const { directive, length } = match;
  const { name } = directive;
  if (prefixed && !NEGATABLE.includes(name) && !name.startsWith('option ')) {
    const text = `"${line.first.text}" goes with "option" and "log" only, not with "${name}"`;
    report.error(line.first, 'syntax-error', text);
    return null;
  }
  const args = words.slice(length);
  return { directive, call: { name, word: place.text, place, args, negated: prefixed } };
}

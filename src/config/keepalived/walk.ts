/** Holds the statements of one block against its table of directives; handlers get only sound ones. */

import { assert } from '../../core/assert.ts';
import { didYouMean } from '../suggest.ts';
import { BLOCK_WORDS, KNOWN_WORDS, type Rule, type RuleTable } from './directives.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';

export type Handlers = Readonly<Record<string, (statement: Statement) => void>>;

/** Words as a person says them: `1 word`, `2 words`. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function reportUnknown(name: Word, table: RuleTable, where: string, report: Report): void {
  const own = report.full ? '' : didYouMean(name.text, Object.keys(table));
  let hint = own;
  if (/^\$\w/.test(name.text)) hint = '; a definition has no space before its "="';
  else if (BLOCK_WORDS.has(name.text)) hint = '; is a "}" missing or one too many above';
  if (own === '' && hint === '' && KNOWN_WORDS.has(name.text)) {
    const text = `"${name.text}" has no place in ${where} and is ignored, as in keepalived`;
    report.warning(name, 'ignored-directive', text);
    return;
  }
  report.error(name, 'unknown-directive', `Unknown directive "${name.text}" in ${where}${hint}`);
}

/** False when the statement has not the shape its rule asks for. */
function hasShape(statement: Statement, rule: Rule & { does: 'convert' }, report: Report): boolean {
  const { name, args, children } = statement;
  if (args.length < rule.wordsMin) {
    const needs = rule.wordsMin === 1 ? 'a value' : count(rule.wordsMin, 'value');
    report.error(name, 'missing-value', `"${name.text}" needs ${needs}`);
    return false;
  }
  const extra = args[rule.wordsMax];
  if (extra !== undefined) {
    const text = `"${name.text}" takes ${count(rule.wordsMax, 'value')}; "${extra.text}" is left out`;
    report.warning(extra, 'ignored-directive', text);
  }
  if (rule.block === (children !== null)) return true;
  const text = rule.block ? 'needs a block: add "{" and "}"' : 'takes no block';
  report.error(name, 'syntax-error', `"${name.text}" ${text}`);
  return false;
}

/** Calls the handler of each well-formed statement in order, and reports all others. */
export function walk(
  statements: readonly Statement[],
  table: RuleTable,
  where: string,
  handlers: Handlers,
  report: Report,
): void {
  const seen = new Set<string>();
  for (const statement of statements) {
    const { name } = statement;
    const rule = Object.hasOwn(table, name.text) ? table[name.text] : undefined;
    if (rule === undefined) {
      reportUnknown(name, table, where, report);
    } else if (rule.does === 'ignore') {
      report.warning(name, 'ignored-directive', `"${name.text}" is ignored: ${rule.why}`);
    } else if (rule.does === 'refuse') {
      report.error(name, 'unsupported-directive', `"${name.text}" is not supported: ${rule.why}`);
    } else if (hasShape(statement, rule, report)) {
      if (!rule.block && rule.repeats !== true && seen.has(name.text)) {
        const text = `"${name.text}" is given twice in ${where}; the last one counts`;
        report.warning(name, 'duplicate-name', text);
      }
      seen.add(name.text);
      const handler = handlers[name.text];
      assert(handler !== undefined, `no handler for "${name.text}"`);
      handler(statement);
    }
  }
}

/**
 * The entries of a list block such as virtual_ipaddress. Entries that have a block of their own, or that
 * are directives, are reported as a missing `}`.
 */
export function listEntries(statement: Statement, report: Report): readonly Statement[] {
  return (statement.children ?? []).filter(({ name, children }) => {
    if (children === null && !BLOCK_WORDS.has(name.text)) return true;
    const text = `"${name.text}" inside "${statement.name.text}"; is the "}" before it missing`;
    report.error(name, 'syntax-error', text);
    return false;
  });
}

/** Walks the keywords of a `bind`, `server` or `stats socket` line along their table. */

import { didYouMean } from '../suggest.ts';
import type { KeywordTable } from './keywords.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { tellTreatment } from './scope.ts';

/**
 * By keyword: takes its value, or the keyword itself where it has none. `keyword` is where it stands.
 */
export type KeywordHandlers = Readonly<Record<string, (value: Word, keyword: Word) => void>>;

/** `where` names the kind of line, e.g. `a "bind" line`. Stops at an unknown word. */
export function readKeywords(
  report: Report,
  table: KeywordTable,
  words: readonly Word[],
  where: string,
  handlers: KeywordHandlers,
): void {
  let position = 0;
  while (position < words.length) {
    const word = words[position];
    if (word === undefined) return;
    const keyword = table.get(word.text);
    if (keyword === undefined) {
      const hint = didYouMean(word.text, table.keys());
      const text = `"${word.text}" is no keyword of ${where}${hint}`;
      report.error(word, 'unknown-directive', text);
      return;
    }
    const value = keyword.values === 0 ? word : words[position + 1];
    if (value === undefined) {
      report.error(word, 'missing-value', `"${word.text}" needs a value after it`);
      return;
    }
    if (keyword.treatment.does === 'convert') handlers[keyword.name]?.(value, word);
    else tellTreatment(report, word, keyword.name, keyword.treatment);
    position += 1 + keyword.values;
  }
}

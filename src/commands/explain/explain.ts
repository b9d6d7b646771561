/** `evergate explain`: why a code matters that a line ends with, and what mends it. */

import { Command } from 'commander';
import { DIAGNOSTIC_CODES } from '../../config/diagnostics.ts';
import { EXPLANATIONS } from '../../config/explanations.ts';
import { didYouMean } from '../../config/suggest.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { FINDING_CODES } from '../../doctor/findings.ts';
import { knownWords } from '../known-words.ts';
import { print } from '../printing.ts';

const CODES = [
  ...new Set([DIAGNOSTIC_CODES, ERROR_CODES, FINDING_CODES].flatMap((codes) => Object.keys(codes))),
].toSorted();

export function explainCommand(): Command {
  const command = new Command('explain')
    .argument('[code...]', 'what a line of "check", "doctor" or the log has in [brackets]')
    .addHelpText('after', '\nWithout a code all are listed.')
    .action(explain);
  return knownWords(command, CODES);
}

/** A code may be one of several vocabularies: each has its part. */
function partsOf(code: string): readonly string[] {
  const parts: string[] = [];
  const add = (table: object, text: (code: string) => string): void => {
    if (Object.hasOwn(table, code)) parts.push(text(code));
  };
  add(DIAGNOSTIC_CODES, (known) => {
    const { why, fix } = EXPLANATIONS[known as keyof typeof EXPLANATIONS];
    const meaning = DIAGNOSTIC_CODES[known as keyof typeof DIAGNOSTIC_CODES];
    return `${meaning}\nWhy: ${why}\nFix: ${withoutLinks(fix)}\n${pageOf('diagnostics', known)}`;
  });
  add(
    ERROR_CODES,
    (known) => `In the log, or of a command: ${ERROR_CODES[known as keyof typeof ERROR_CODES]}\n`,
  );
  add(FINDING_CODES, (known) => {
    const { why } = FINDING_CODES[known as keyof typeof FINDING_CODES];
    return `Of doctor, which has a command for it: ${why}\n${pageOf('doctor')}`;
  });
  return parts;
}

/** In a checkout and beside the program, or where packages have it. */
function pageOf(name: string, section?: string): string {
  const heading = section === undefined ? '' : `#${section}`;
  return `Page: docs/${name}.md${heading}, in packages below /usr/share/doc/evergate\n`;
}

/** As a terminal shows it: the page's name. */
function withoutLinks(text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', '"');
}

function explain(codes: readonly string[], _options: object, command: Command): void {
  const unknown = codes.find((code) => !CODES.includes(code));
  if (unknown !== undefined) {
    const text = `No line ends with the code "${unknown}"${didYouMean(unknown, CODES)}; "evergate explain" lists all`;
    command.error(`error: ${text}`, { exitCode: 1 });
  }
  const asked = codes.length === 0 ? CODES : [...new Set(codes)];
  print(asked.map((code) => [`${code}\n`, ...partsOf(code)].join('')).join('\n'));
}

/**
 * `if` and `unless` with what stands behind them: names of ACLs and expressions between braces, one after the other
 * or parted by "or" (configuration manual section 7.2).
 */

import type { Term } from '../../model/conditions.ts';
import { didYouMean } from '../../suggest.ts';
import type { Word } from '../lexer.ts';
import type { Report } from '../report.ts';
import { readFetch } from './fetches.ts';
import { readPatterns } from './patterns.ts';
import type { AclDraft, ConditionDraft, ExpressionDraft, Reference } from './rule-draft.ts';

const EMPTY = { references: [], listens: null } as const;

/** ACLs that are always there (section 7.4). */
const PREDEFINED: ReadonlyMap<string, ExpressionDraft> = new Map([
  ['TRUE', { ...EMPTY, tests: [{ fact: { kind: 'always' }, match: { kind: 'true' } }] }],
  ['FALSE', { ...EMPTY, tests: [{ fact: { kind: 'never' }, match: { kind: 'true' } }] }],
  ['WAIT_END', { ...EMPTY, tests: [{ fact: { kind: 'waited' }, match: { kind: 'true' } }] }],
  [
    'LOCALHOST',
    {
      ...EMPTY,
      tests: [
        {
          fact: { kind: 'source' },
          match: { kind: 'networks', networks: ['127.0.0.0/8', '::1'] },
        },
      ],
    },
  ],
  [
    'REQ_CONTENT',
    {
      references: [],
      listens: { text: 'req.len', line: 0, column: 0 },
      tests: [
        {
          fact: { kind: 'received' },
          match: { kind: 'numbers', ranges: [{ min: 1, max: null }] },
        },
      ],
    },
  ],
]);

/** The others of section 7.4, which read HTTP or RDP. */
const UNREAD_PREDEFINED =
  /^(HTTP|HTTP_1\.[01]|HTTP_2\.0|HTTP_CONTENT|HTTP_URL_ABS|HTTP_URL_SLASH|HTTP_URL_STAR|METH_[A-Z]+|RDP_COOKIE)$/;

export type Expression =
  | { readonly kind: 'read'; readonly draft: ExpressionDraft }
  /** HAProxy may know it: `why` is the end of a sentence. */
  | { readonly kind: 'unread'; readonly place: Word; readonly why: string }
  | { readonly kind: 'wrong'; readonly place: Word; readonly text: string };

/** `src 10.0.0.0/8`, as in an `acl` line behind the name, or between braces. */
export function readExpression(
  report: Report,
  proxy: string,
  fetchWord: Word,
  words: readonly Word[],
): Expression {
  const fetch = readFetch(fetchWord, proxy);
  if (!fetch.ok) return { kind: 'unread', place: fetchWord, why: fetch.reason };
  const { fact, type, references, listens } = fetch.value;
  const patterns = readPatterns(type, words);
  if (!patterns.ok) {
    const { text, unread, place } = patterns.problem;
    const where = place ?? fetchWord;
    return unread
      ? { kind: 'unread', place: where, why: `"${fetchWord.text}": ${text}` }
      : { kind: 'wrong', place: where, text: `"${fetchWord.text}": ${text}` };
  }
  if (patterns.empty) {
    const text = `"${fetchWord.text}" has no value to match and never does; say "-m found" to ask whether there is any`;
    report.warning(fetchWord, 'missing-value', text);
  }
  const tests = [{ fact, match: patterns.value }];
  return { kind: 'read', draft: { tests, references, listens: listens ? fetchWord : null } };
}

export type ConditionScope = {
  readonly report: Report;
  /** Name of the section. */
  readonly proxy: string;
  readonly acls: readonly AclDraft[];
  /** Told of each ACL that is named. */
  readonly use: (name: string) => void;
};

type Read = {
  readonly expression: ExpressionDraft;
  /** Words taken. */
  readonly length: number;
};

/** Reads the words behind `if` or `unless`; null after an error. */
export function readCondition(
  scope: ConditionScope,
  words: readonly Word[],
  negated: boolean,
): ConditionDraft | null {
  const anyOf: Term[][] = [];
  const references: Reference[] = [];
  let listens: Word | null = null;
  let terms: Term[] | null = null;
  let isNegated = false;
  let at = 0;
  while (at < words.length) {
    const word = words[at];
    if (word === undefined) break;
    const bare = word.text.replace(/^!+/, '');
    if ((word.text.length - bare.length) % 2 === 1) isNegated = !isNegated;
    if (bare === '') {
      at++;
    } else if (bare.toLowerCase() === 'or' || bare === '||') {
      terms = null;
      isNegated = false;
      at++;
    } else {
      const read = bare === '{' ? readBraces(scope, words, at) : readNamed(scope, word, bare);
      if (read === null) return null;
      if (terms === null) {
        terms = [];
        anyOf.push(terms);
      }
      terms.push({ tests: read.expression.tests, negated: isNegated });
      references.push(...read.expression.references);
      listens ??= read.expression.listens;
      isNegated = false;
      at += read.length;
    }
  }
  return { condition: { anyOf, negated }, references, listens };
}

/** The expression between the brace at `at` and the one that closes it. */
function readBraces(scope: ConditionScope, words: readonly Word[], at: number): Read | null {
  const { report, proxy } = scope;
  const open = words[at];
  const end = words.findIndex((word, index) => index > at && word.text === '}');
  if (open === undefined) return null;
  if (end === -1) {
    report.error(
      open,
      'syntax-error',
      'The brace "{" is not closed by a "}" with blanks around it',
    );
    return null;
  }
  const [fetch, ...rest] = words.slice(at + 1, end);
  if (fetch === undefined) {
    report.error(open, 'missing-value', 'There is nothing between the braces');
    return null;
  }
  const expression = readExpression(report, proxy, fetch, rest);
  if (expression.kind === 'read') return { expression: expression.draft, length: end - at + 1 };
  if (expression.kind === 'wrong') report.error(expression.place, 'bad-value', expression.text);
  else {
    const text = `The condition asks for ${expression.why}`;
    report.error(expression.place, 'unsupported-directive', text);
  }
  return null;
}

function readNamed({ report, acls, use }: ConditionScope, word: Word, name: string): Read | null {
  const lines = acls.filter((acl) => acl.name === name);
  use(name);
  const unread = lines.find((acl) => acl.unread !== null);
  if (unread !== undefined) {
    const text = `ACL "${name}" of line ${unread.place.line} asks for ${unread.unread}`;
    report.error(word, 'unsupported-directive', text);
    return null;
  }
  if (lines.length > 0) {
    const drafts = lines.map(({ expression }) => expression);
    const tests = drafts.flatMap((draft) => draft.tests);
    const references = drafts.flatMap((draft) => draft.references);
    const listens = drafts.find((draft) => draft.listens !== null)?.listens ?? null;
    return { expression: { tests, references, listens }, length: 1 };
  }
  const predefined = PREDEFINED.get(name);
  if (predefined !== undefined) return { expression: predefined, length: 1 };
  if (UNREAD_PREDEFINED.test(name)) {
    const text = `ACL "${name}" is not supported: it reads what Evergate passes on unread`;
    report.error(word, 'unsupported-directive', text);
    return null;
  }
  const known = [...new Set(acls.map((acl) => acl.name))];
  const text = `No line above defines an ACL "${name}"${didYouMean(name, known)}`;
  report.error(word, 'unknown-name', text);
  return null;
}

/**
 * keepalived.conf, the part between file and words: `$NAME=value` definitions of one or several lines,
 * `~SEQ` and `~LST` (generators.ts), `@id` and `@^id` lines, `include` (keepalived.conf(5), "Configuration parser").
 *
 * Files are read by the caller's function; everything here is bounded: include depth and count, lines,
 * the length a line may grow to through definitions, and what all lines together grow by.
 */

import { scanTemplates } from '../templates.ts';
import { scanInvisible, withoutInvisible } from '../text.ts';
import { generatorEnd, parseGenerator } from './generators.ts';
import { columnAt, commentStart, lexLine, type SourceLine, type Token } from './lexer.ts';
import type { Report } from './report.ts';

const INCLUDE_DEPTH_MAX = 8;
const INCLUDE_FILES_MAX = 64;
const LINES_MAX = 100_000;
const LINE_LENGTH_MAX = 16_384;
/** Characters that values of definitions bring into a file and what it includes. */
const GROWTH_MAX = 4 << 20;

/** Of all generators together. */
const READINGS_MAX = 100_000;

export type SourceFile = { readonly file: string; readonly text: string };

export type ReadOptions = {
  /** The files a pattern of an `include` names, in order; empty when there is none. */
  readonly readInclude: (pattern: string, fromFile: string) => readonly SourceFile[];
  /** What `@id` is compared with (keepalived: `-i`, else the host name); null: no such line applies. */
  readonly configId: string | null;
};

type State = {
  readonly options: ReadOptions;
  readonly report: Report;
  readonly definitions: Map<string, string>;
  /** Definitions of several lines. */
  readonly blocks: Map<string, readonly SourceLine[]>;
  readonly lines: (readonly Token[])[];
  files: number;
  grown: number;
  /** Lines read because of generators. */
  readings: number;
};

function sourceLine(file: string, line: number, physical: string): SourceLine {
  const text = physical.endsWith('\r') ? physical.slice(0, -1) : physical;
  const columns = Array.from({ length: text.length }, (_, index) => index + 1);
  return { file, line, text, columns };
}

/**
 * True, with an error, for a line that would go on behind its final backslash. keepalived joins lines only
 * in definitions, and takes the backslash for a part of the word elsewhere.
 */
function refuseContinuation(source: SourceLine, report: Report): boolean {
  if (!goesOn(source)) return false;
  const body = source.text.trimEnd();
  const at = { file: source.file, line: source.line, column: columnAt(source, body.length - 1) };
  report.error(at, 'syntax-error', 'A line does not go on behind "\\"; join it with the next one');
  return true;
}

/** Whether a backslash ends the line, outside of a comment. */
function goesOn(source: SourceLine): boolean {
  const body = source.text.trimEnd();
  return body.endsWith('\\') && commentStart(source.text) >= body.length;
}

/**
 * Takes the definition of several lines that begins at `start`: they are read where its name stands, with
 * what is defined then. Returns how many lines it has; 0: none begins here.
 */
function takeBlock(lines: readonly SourceLine[], start: number, state: State): number {
  const first = lines[start];
  const source = first === undefined ? null : conditional(first, state.options.configId);
  if (first === undefined || !goesOn(first) || !/^\s*(@\S+\s+)?\$\w+=/.test(first.text)) return 0;
  let end = start;
  for (let line = lines[end]; line !== undefined && goesOn(line); line = lines[end]) end += 1;
  end = Math.min(end, lines.length - 1);
  const match = /^\s*\$(\w+)=/.exec(source?.text ?? '');
  if (source !== null && match !== null) {
    const block = [cutFront(source, match[0].length), ...lines.slice(start + 1, end + 1)];
    const cut = block.map((line) => {
      return goesOn(line) ? { ...line, text: line.text.trimEnd().slice(0, -1) } : line;
    });
    state.definitions.delete(match[1] ?? '');
    state.blocks.set(match[1] ?? '', cut);
  }
  return end - start + 1;
}

/**
 * Replaces `$NAME` and `${NAME}` by their values; names without a definition stay as they are. null: the
 * line, or the file with it, grows too long.
 */
function expand(source: SourceLine, state: State): SourceLine | null {
  if (state.definitions.size === 0 || !source.text.includes('$')) return source;
  const body = source.text.slice(0, commentStart(source.text));
  let text = '';
  const columns: number[] = [];
  let done = 0;
  const copy = (end: number): void => {
    text += body.slice(done, end);
    for (let index = done; index < end; index++) columns.push(columnAt(source, index));
    done = end;
  };
  for (const match of body.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
    const value = state.definitions.get(match[1] ?? match[2] ?? '');
    if (value === undefined) continue;
    copy(match.index);
    text += value;
    state.grown += value.length;
    if (text.length > LINE_LENGTH_MAX || state.grown > GROWTH_MAX) return null;
    for (let index = 0; index < value.length; index++) columns.push(columnAt(source, match.index));
    done = match.index + match[0].length;
  }
  copy(body.length);
  return { ...source, text, columns };
}

function cutFront(source: SourceLine, length: number): SourceLine {
  return { ...source, text: source.text.slice(length), columns: source.columns.slice(length) };
}

/** The line without its `@id`; null when it belongs to other nodes. */
function conditional(source: SourceLine, configId: string | null): SourceLine | null {
  const match = /^\s*@(\^?)([^\s{}]+)/.exec(source.text);
  if (match === null) return source;
  const [mark, inverted, id] = match;
  const applies = (id === configId) !== (inverted === '^');
  return applies ? cutFront(source, mark.length) : null;
}

/** True when the line was a definition. */
function define(source: SourceLine, state: State): boolean {
  const match = /^\s*\$(\w+)=/.exec(source.text);
  if (match === null) return false;
  const expanded = expand(cutFront(source, match[0].length), state);
  const at = { file: source.file, line: source.line, column: columnAt(source, 0) };
  if (expanded === null) {
    state.report.error(at, 'syntax-error', `The value of "$${match[1]}" grows over every bound`);
    return true;
  }
  const value = expanded.text.slice(0, commentStart(expanded.text)).trim();
  state.definitions.set(match[1] ?? '', value);
  return true;
}

/** True, with an error, for a line with a generator behind its front, or a built-in name we do not have. */
function refuseGenerators(source: SourceLine, state: State): boolean {
  const body = source.text.slice(0, commentStart(source.text));
  const built = [...body.matchAll(/\$\{?(_[A-Z]+)/g)].find(
    ([, name = '']) => !state.definitions.has(name),
  );
  const match = /~(?:SEQx?|LST)\(/.exec(body) ?? built ?? null;
  if (match === null) return false;
  const at = { file: source.file, line: source.line, column: columnAt(source, match.index) };
  const text = match[0].startsWith('~')
    ? `"${match[0].slice(0, -1)}" must stand at the front of its line`
    : `"${match[0]}" is not supported; write out what it stands for`;
  state.report.error(at, 'unsupported-directive', text);
  return true;
}

/** True for a line that begins with a generator: what is behind it is read once for each value. */
function generate(source: SourceLine, state: State, depth: number): boolean {
  const end = generatorEnd(source.text);
  if (end === null) return false;
  const at = { file: source.file, line: source.line, column: columnAt(source, 0) };
  const head = { ...source, text: source.text.slice(0, end) };
  const generator = parseGenerator(expand(head, state)?.text ?? '');
  if (!generator.ok) {
    state.report.error(at, 'bad-value', `"${head.text.trim()}" ${generator.reason}`);
    return true;
  }
  const { names, values } = generator.value;
  for (const words of values) {
    state.readings += 1;
    if (state.readings > READINGS_MAX || state.lines.length >= LINES_MAX) {
      const text = `Generators make more than ${READINGS_MAX} lines; the rest is left out`;
      if (state.readings <= READINGS_MAX + 1) state.report.error(at, 'syntax-error', text);
      state.readings = READINGS_MAX + 1;
      break;
    }
    for (const [index, name] of names.entries()) state.definitions.set(name, words[index] ?? '');
    readLine(cutFront(source, end), state, depth);
  }
  for (const name of names) state.definitions.delete(name);
  return true;
}

/** True for a line that is nothing but the name of a definition of several lines, which are read here. */
function recall(source: SourceLine, state: State, depth: number): boolean {
  const body = source.text.slice(0, commentStart(source.text));
  const named = [...body.matchAll(/\$\{?(\w+)/g)].find(([, name = '']) => state.blocks.has(name));
  const block = state.blocks.get(named?.[1] ?? '');
  if (named === undefined || block === undefined) return false;
  const at = { file: source.file, line: source.line, column: columnAt(source, named.index) };
  if (!/^\s*\$(\w+|\{\w+\})\s*$/.test(body)) {
    const text = `"${named[0]}" has several lines; it must stand alone on its line`;
    state.report.error(at, 'syntax-error', text);
  } else if (depth >= INCLUDE_DEPTH_MAX) {
    const text = `Definitions are nested more than ${INCLUDE_DEPTH_MAX} deep; does one use itself`;
    state.report.error(at, 'syntax-error', text);
  } else {
    for (const line of block) {
      state.grown += line.text.length;
      if (state.grown > GROWTH_MAX || state.lines.length >= LINES_MAX) {
        const text = `The file grows by more than ${GROWTH_MAX} characters through definitions`;
        state.report.error(at, 'syntax-error', text);
        break;
      }
      readLine(line, state, depth + 1);
    }
  }
  return true;
}

function includeFiles(tokens: readonly Token[], state: State, depth: number): void {
  const [keyword, pattern] = tokens;
  if (keyword?.kind !== 'word') return;
  if (pattern?.kind !== 'word') {
    state.report.error(keyword.word, 'missing-value', '"include" needs a file name or pattern');
    return;
  }
  const { word } = pattern;
  if (depth >= INCLUDE_DEPTH_MAX) {
    const text = `"include" is nested more than ${INCLUDE_DEPTH_MAX} deep; does a file include itself`;
    state.report.error(word, 'syntax-error', text);
    return;
  }
  const files = state.options.readInclude(word.text, word.file);
  if (files.length === 0) {
    const text = `No readable file matches the include "${word.text}"`;
    // A folder may be empty; a file that is named has something to say.
    if (/[*?[]/.test(word.text)) state.report.warning(word, 'unreadable-file', text);
    else state.report.error(word, 'unreadable-file', text);
  }
  for (const file of files) {
    state.files += 1;
    if (state.files > INCLUDE_FILES_MAX) {
      const text = `More than ${INCLUDE_FILES_MAX} files are included; does a file include itself`;
      state.report.error(word, 'syntax-error', text);
      return;
    }
    readFile(file, state, depth + 1);
  }
}

function readLine(raw: SourceLine, state: State, depth: number): void {
  const source = conditional(raw, state.options.configId);
  if (source === null || refuseContinuation(source, state.report)) return;
  if (define(source, state) || generate(source, state, depth)) return;
  if (refuseGenerators(source, state) || recall(source, state, depth)) return;
  const expanded = expand(source, state);
  const start = { file: raw.file, line: raw.line, column: 1 };
  if (expanded === null || expanded.text.length > LINE_LENGTH_MAX) {
    const text =
      state.grown > GROWTH_MAX
        ? `The file grows by more than ${GROWTH_MAX} characters through definitions`
        : `The line is longer than ${LINE_LENGTH_MAX} characters`;
    state.report.error(start, 'syntax-error', text);
    return;
  }
  const { tokens, unterminated, cut } = lexLine(expanded);
  if (unterminated !== null) {
    state.report.error(unterminated, 'syntax-error', 'The quote is not closed on this line');
  }
  if (cut !== null) {
    const text = `The comment mark cuts the word to "${cut.text}"; quote the word or put a space between`;
    state.report.warning(cut, 'bad-value', text);
  }
  const first = tokens[0];
  if (first?.kind === 'word' && !first.word.quoted && first.word.text === 'include') {
    includeFiles(tokens, state, depth);
  } else if (tokens.length > 0) {
    state.lines.push(tokens);
  }
}

function readFile(source: SourceFile, state: State, depth: number): void {
  const unrendered = scanTemplates(source.file, source.text, '#!');
  state.report.append(unrendered);
  if (unrendered.length > 0) return;
  const invisible = scanInvisible(source.file, source.text, '#!');
  state.report.append(invisible);
  const text = invisible.length > 0 ? withoutInvisible(source.text) : source.text;
  const lines = text
    .split('\n')
    .map((physical, index) => sourceLine(source.file, index + 1, physical));
  for (let index = 0; index < lines.length; ) {
    const line = lines[index];
    if (line === undefined) break;
    if (state.lines.length >= LINES_MAX) {
      const at = { file: source.file, line: index + 1, column: 0 };
      const message = `More than ${LINES_MAX} lines; the rest is left out`;
      state.report.error(at, 'syntax-error', message);
      return;
    }
    const taken = takeBlock(lines, index, state);
    if (taken === 0) readLine(line, state, depth);
    index += Math.max(1, taken);
  }
}

/** All lines that hold words or braces, in order, with includes in their places. */
export function readLines(
  source: SourceFile,
  options: ReadOptions,
  report: Report,
): readonly (readonly Token[])[] {
  const definitions = new Map<string, string>();
  if (options.configId !== null) definitions.set('_INSTANCE', options.configId);
  const folder = /^(\/.*)\/[^/]*$/.exec(source.file)?.[1];
  if (folder !== undefined) definitions.set('_PWD', folder);
  const counts = { files: 0, grown: 0, readings: 0 };
  const state: State = { options, report, definitions, blocks: new Map(), lines: [], ...counts };
  readFile(source, state, 0);
  return state.lines;
}

/** Where a haproxy.cfg says what: lines by the proxy that they hold for. */

import { findDirective } from '../haproxy/directives.ts';
import { GLOBAL_DIRECTIVES } from '../haproxy/directives-global.ts';
import { PROXY_DIRECTIVES } from '../haproxy/directives-proxy.ts';
import { type Line, parseSections, type Section } from '../haproxy/parser.ts';
import { createReport } from '../haproxy/report.ts';
import type { Place } from './remarks.ts';

export type FoundLine = {
  readonly place: Place;
  /** Name of the section that it stands in. */
  readonly section: string;
  /** One or two words. */
  readonly directive: string;
  readonly words: readonly string[];
};

const FRONTENDS = ['frontend', 'listen'];
const BACKENDS = ['backend', 'listen'];

export class HaproxyLines {
  readonly #file: string;
  readonly #sections: readonly Section[];

  /** Of a file that parseHaproxy() takes: what is wrong with it is said there. */
  constructor(file: string, text: string, env: Readonly<Record<string, string>>) {
    this.#file = file;
    this.#sections = parseSections(createReport(file), text, env);
  }

  /** Every line of the sections of a keyword, of one name or of all. */
  lines(keywords: readonly string[], name: string | null = null): readonly FoundLine[] {
    return this.#sections
      .filter(({ keyword, args }) => {
        if (!keywords.includes(keyword.text)) return false;
        return name === null || args[0]?.text === name;
      })
      .flatMap((section) => section.lines.map((line) => this.#found(section, line)));
  }

  /** Where the frontend, or the backend, of this name got it from; null: from no line. */
  frontend(name: string, directives: readonly string[]): Place | null {
    return this.#find(FRONTENDS, name, directives);
  }

  backend(name: string, directives: readonly string[]): Place | null {
    return this.#find(BACKENDS, name, directives);
  }

  global(directives: readonly string[]): Place | null {
    return (
      this.lines(['global']).find((line) => directives.includes(line.directive))?.place ?? null
    );
  }

  server(backend: string, server: string): Place | null {
    const all = this.lines(BACKENDS, backend);
    const own = all.find(({ words }) => words[0] === 'server' && words[1] === server);
    return own?.place ?? all.find(({ words }) => words[0] === 'server-template')?.place ?? null;
  }

  /** In the section itself, the last one counts; else in the defaults that it starts from. */
  #find(keywords: readonly string[], name: string, directives: readonly string[]): Place | null {
    const at = this.#sections.findIndex(
      ({ keyword, args }) => keywords.includes(keyword.text) && args[0]?.text === name,
    );
    const section = this.#sections[at];
    if (section === undefined) return null;
    const from = section.args[1]?.text === 'from' ? section.args[2]?.text : undefined;
    const parent = this.#sections
      .slice(0, at)
      .findLast(
        ({ keyword, args }) =>
          keyword.text === 'defaults' && (from === undefined || args[0]?.text === from),
      );
    for (const each of [section, parent]) {
      if (each === undefined) continue;
      const found = each.lines
        .map((line) => this.#found(each, line))
        .findLast(({ directive }) => directives.includes(directive));
      if (found !== undefined) return found.place;
    }
    return null;
  }

  #found({ keyword, args }: Section, { first, rest }: Line): FoundLine {
    const negation = first.text === 'no' || first.text === 'default';
    const words = [first, ...rest].map(({ text }) => text);
    const table = keyword.text === 'global' ? GLOBAL_DIRECTIVES : PROXY_DIRECTIVES;
    const match = findDirective(table, negation ? words.slice(1) : words);
    const { line, column } = first;
    const directive = match?.directive.name ?? first.text;
    const section = args[0]?.text ?? '';
    return { place: { file: this.#file, line, column }, section, directive, words };
  }
}

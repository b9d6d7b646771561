/**
 * The form of the directive table: for every directive HAProxy 2.6 knows, where it may stand and what
 * Evergate does with it. The rows are in directives-global.ts, directives-proxy.ts and
 * directives-option.ts; the keywords of `bind` and `server` lines in keywords.ts.
 */

export type Treatment =
  /** Converted by the function of the same name, with so many arguments. */
  | {
      readonly does: 'convert';
      readonly min: number;
      readonly max: number;
      /** What HAProxy does with more: most directives refuse them, some do not look. */
      readonly extra: 'refuse' | 'drop';
    }
  /** Left out with a warning, as leaving it out changes nothing. */
  | { readonly does: 'ignore'; readonly why: string }
  /** Left out with a warning: traffic flows as it did, something else is lost. */
  | { readonly does: 'lose'; readonly why: string }
  /** An error: without it traffic would go other ways than the file says. */
  | { readonly does: 'refuse'; readonly why: string };

export type Directive = {
  /** One or two words, e.g. "timeout connect". */
  readonly name: string;
  /** Letters of ProxySection; the global section has a table of its own. */
  readonly sections: string;
  readonly treatment: Treatment;
};

export type DirectiveTable = ReadonlyMap<string, Directive>;

/** Rows for several directives treated alike; `names` are parted by commas. */
export function rows(sections: string, names: string, treatment: Treatment): readonly Directive[] {
  return names.split(',').map((name) => ({ name: name.trim(), sections, treatment }));
}

export function convert(min: number, max: number, extra: 'refuse' | 'drop' = 'refuse'): Treatment {
  return { does: 'convert', min, max, extra };
}

export function ignore(why: string): Treatment {
  return { does: 'ignore', why };
}

export function lose(why: string): Treatment {
  return { does: 'lose', why };
}

export function refuse(why: string): Treatment {
  return { does: 'refuse', why };
}

export function tableOf(directives: readonly Directive[]): DirectiveTable {
  return new Map(directives.map((directive) => [directive.name, directive]));
}

export type Match = {
  readonly directive: Directive;
  /** Words the name takes up. */
  readonly length: 1 | 2;
};

/** The directive a line begins with, the longer name first; null when there is none. */
export function findDirective(table: DirectiveTable, words: readonly string[]): Match | null {
  const [first = '', second] = words;
  const pair = second === undefined ? undefined : table.get(`${first} ${second}`);
  if (pair !== undefined) return { directive: pair, length: 2 };
  const single = table.get(first) ?? (first.startsWith('tune.') ? table.get('tune.*') : undefined);
  return single === undefined ? null : { directive: single, length: 1 };
}

/** Second words of a family such as `timeout`; empty when there is no such family. */
export function familyWords(table: DirectiveTable, first: string): readonly string[] {
  const prefix = `${first} `;
  return [...table.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}

/** First words of all directives, for "did you mean". */
export function firstWords(table: DirectiveTable): readonly string[] {
  return [...new Set([...table.keys()].map((name) => name.split(' ', 1)[0] ?? name))];
}

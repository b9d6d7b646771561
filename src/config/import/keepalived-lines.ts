/** Where a keepalived.conf says what: statements by the block that they stand in. */

import { parseStatements, type Statement } from '../keepalived/parser.ts';
import { type ReadOptions, readLines, type SourceFile } from '../keepalived/reader.ts';
import { Report } from '../keepalived/report.ts';
import type { Place } from './remarks.ts';

export class KeepalivedLines {
  readonly statements: readonly Statement[];

  /** Of a file that parseKeepalived() takes: what is wrong with it is said there. */
  constructor(source: SourceFile, options: ReadOptions) {
    const report = new Report();
    this.statements = parseStatements(readLines(source, options, report), report);
  }

  blocks(name: string): readonly Statement[] {
    return this.statements.filter((each) => each.name.text === name);
  }

  instance(name: string): Statement | null {
    return this.blocks('vrrp_instance').find(({ args }) => args[0]?.text === name) ?? null;
  }

  /** In the instance, or else in global_defs under one of the names there; null: nowhere. */
  find(instance: string, directives: readonly string[]): Place | null {
    const own = this.instance(instance)?.children ?? [];
    const global = this.blocks('global_defs').flatMap(({ children }) => children ?? []);
    for (const statements of [own, global]) {
      const found = statements.findLast(({ name }) => directives.includes(name.text));
      if (found !== undefined) return placeOf(found);
    }
    return null;
  }
}

export function placeOf({ name: { file, line, column } }: Statement): Place {
  return { file, line, column };
}

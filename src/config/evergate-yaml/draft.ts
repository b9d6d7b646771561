/** What the stages behind the schema share: the values, where they stand, and what to say about them. */

import type { Place, Report } from '../haproxy/report.ts';
import type { NativeFile } from './schema.ts';
import { keyPlace, type Path, type Tree, treeAt } from './tree.ts';

export type LocalAddress = {
  readonly interface: string;
  /** Normalised, without a zone. */
  readonly address: string;
  readonly prefixLength: number;
};

/** By name, in lower case. */
export type NameAddresses = Readonly<Record<string, readonly string[]>>;

export type NativeContext = {
  /** Addresses of this machine, those of the loopback interface included. */
  readonly localAddresses: readonly LocalAddress[];
  /** Where names of the file lead; absent, as a whole or one of them: nowhere. */
  readonly names?: NameAddresses;
  /** Name of this node; null: it finds itself by its addresses. */
  readonly node: string | null;
  /** What this machine is called; null: that is not asked. */
  readonly hostName: string | null;
  /** Whether this machine can redirect ports of the VIP: it has the program nft. */
  readonly canRedirect: boolean;
  readonly fileExists: (path: string) => boolean;
  readonly groupExists: (name: string) => boolean;
  /** Whether a machine that is none of the nodes is an error; else a warning, and the file is checked. */
  readonly mustBeNode: boolean;
};

export class Draft {
  readonly file: NativeFile;
  readonly report: Report;
  readonly context: NativeContext;
  readonly #tree: Tree;

  constructor(file: NativeFile, tree: Tree, report: Report, context: NativeContext) {
    this.file = file;
    this.report = report;
    this.context = context;
    this.#tree = tree;
  }

  /** Whether the file itself says so, rather than a default. */
  has(path: Path): boolean {
    let at: Tree = this.#tree;
    for (const step of path) {
      if (at.kind !== 'map') return false;
      const next = at.entries.get(String(step));
      if (next === undefined) return false;
      at = next.value;
    }
    return true;
  }

  place(path: Path): Place {
    return treeAt(this.#tree, path).place;
  }

  /** Item `index` of what may be one value or a list. */
  itemPlace(path: Path, index: number): Place {
    return this.place([...path, index]);
  }

  keyPlace(path: Path): Place {
    return keyPlace(this.#tree, path);
  }

  /** "evergate.yaml:2", for messages of later. */
  origin(place: Place): string {
    return `${this.report.file}:${place.line}`;
  }
}

/** The top-level blocks of a keepalived.conf, sorted by what they define. */

import { TOP_LEVEL } from './directives.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { firstValue } from './values.ts';
import { walk } from './walk.ts';

export type Blocks = {
  readonly globals: Statement[];
  readonly scripts: Statement[];
  readonly processes: Statement[];
  readonly files: Statement[];
  readonly groups: Statement[];
  readonly instances: Statement[];
  /** How many scripts stand before each instance. */
  readonly scriptsBefore: Map<Statement, number>;
};

/** Scripts, and instances, of one configuration at most. */
const BLOCKS_MAX = 256;

export function sortBlocks(statements: readonly Statement[], report: Report): Blocks {
  const blocks: Blocks = {
    globals: [],
    scripts: [],
    processes: [],
    files: [],
    groups: [],
    instances: [],
    scriptsBefore: new Map(),
  };
  const into = (list: Statement[]) => (statement: Statement) => {
    list.push(statement);
  };
  const handlers = {
    vrrp_track_process: into(blocks.processes),
    track_process: into(blocks.processes),
    vrrp_track_file: into(blocks.files),
    track_file: into(blocks.files),
    vrrp_sync_group: into(blocks.groups),
    global_defs: into(blocks.globals),
    vrrp_script: into(blocks.scripts),
    vrrp_instance: (statement: Statement) => {
      blocks.scriptsBefore.set(statement, blocks.scripts.length);
      blocks.instances.push(statement);
    },
  };
  walk(statements, TOP_LEVEL, 'the file', handlers, report);
  return blocks;
}

/** Drops blocks whose name is taken, with a warning, and those above BLOCKS_MAX, with an error. */
export function uniqueBlocks(blocks: readonly Statement[], report: Report): readonly Statement[] {
  const names = new Set<string>();
  const excess = blocks[BLOCKS_MAX];
  if (excess !== undefined) {
    const text = `More than ${BLOCKS_MAX} blocks of "${excess.name.text}"; the rest is left out`;
    report.error(excess.name, 'syntax-error', text);
  }
  return blocks.slice(0, BLOCKS_MAX).filter((block) => {
    const name = firstValue(block);
    const fresh = !names.has(name.text);
    names.add(name.text);
    if (!fresh) {
      const text = `The ${block.name.text} "${name.text}" is defined twice: the first one counts, as in keepalived`;
      report.warning(name, 'duplicate-name', text);
    }
    return fresh;
  });
}

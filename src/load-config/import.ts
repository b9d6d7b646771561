/** The old files from disk to one evergate.yaml. */

import type { Diagnostic } from '../config/diagnostics.ts';
import { type Imported, importFiles } from '../config/import/index.ts';
import type { SourceFile } from '../config/keepalived/reader.ts';
import { localAddresses } from './local-addresses.ts';
import {
  defaultConfigId,
  environment,
  readConfigFile,
  readInclude,
  readScript,
} from './sources.ts';

export type ImportInputs = {
  readonly haproxy: string | null;
  /** One of each node, as far as they are there. */
  readonly keepalived: readonly string[];
  readonly leaveOut: readonly string[];
  readonly modern: boolean;
};

/** By the first address that others can reach. */
function thisMachine() {
  const own = localAddresses().find(
    ({ interface: on, address }) => on !== 'lo' && !address.includes(':'),
  );
  return own === undefined ? null : { name: defaultConfigId(), address: own.address };
}

/** Never throws over what a file holds or whether it is there: that is told by the diagnostics. */
export function importConfig({ haproxy, keepalived, leaveOut, modern }: ImportInputs): Imported {
  const unreadable: Diagnostic[] = [];
  const read = (file: string): SourceFile | null => {
    const text = readConfigFile(file, unreadable);
    return text === null ? null : { file, text };
  };
  const balancer = haproxy === null ? null : read(haproxy);
  const nodes = keepalived.map(read).filter((source) => source !== null);
  const imported = importFiles({
    haproxy: balancer === null ? null : { ...balancer, env: environment(), leaveOut },
    keepalived: nodes,
    options: {
      readInclude: (pattern, fromFile) => readInclude(pattern, fromFile, unreadable),
      readScript,
      configId: defaultConfigId(),
    },
    here: thisMachine(),
    modern,
  });
  if (unreadable.length === 0) return imported;
  return { text: null, remarks: [], diagnostics: [...unreadable, ...imported.diagnostics] };
}

/** The keyboard of a terminal as the lab's faults. */

import type { ReadStream } from 'node:tty';
import { oneLine } from '../../core/controls.ts';
import type { Cluster } from '../cluster.ts';
import { FAULT_NAMES, FAULTS, type FaultName } from '../faults.ts';

export type KeyActions = {
  fault(name: FaultName, node: string | null): void;
  selected(node: string | null): void;
  help(): void;
  unknown(key: string): void;
  quit(): void;
};

const CONTROL_C = '\u0003';

/** Reads keys until the returned function is called. */
export function readKeys(input: ReadStream, cluster: Cluster, actions: KeyActions): () => void {
  let node: string | null = null;
  const onData = (data: Buffer): void => {
    for (const key of data.toString('utf8')) press(key);
  };
  const press = (key: string): void => {
    const name = FAULT_NAMES.find((each) => FAULTS[each].key === key);
    if (key === 'q' || key === CONTROL_C) {
      actions.quit();
    } else if (key === '?') {
      actions.help();
    } else if (/^\d$/.test(key)) {
      node = cluster.nodes[Number(key) - 1]?.name ?? null;
      actions.selected(node);
    } else if (name !== undefined) {
      actions.fault(name, node);
      node = null;
    } else {
      actions.unknown(oneLine(key));
    }
  };
  input.setRawMode(true);
  input.on('data', onData);
  input.resume();
  return () => {
    input.off('data', onData);
    input.setRawMode(false);
    input.pause();
  };
}

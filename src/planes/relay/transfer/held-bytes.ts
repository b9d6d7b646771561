/** Giving back what a direction borrowed for bytes that its receiver did not take (transfer-buffers.ts). */

import type { RelayContext } from '../relay-context.ts';

/** A slot or a pipe; the bytes in it are lost. */
export function dropHeld(
  context: Pick<RelayContext, 'table' | 'buffers' | 'pipes'>,
  source: number,
): void {
  const { table, pipes } = context;
  releaseSlot(context, source);
  const pipe = table.pipe[source] ?? 0;
  if (pipe !== 0) {
    if ((table.held[source] ?? 0) > 0) pipes.discard(pipe - 1);
    else pipes.release(pipe - 1);
    table.pipe[source] = 0;
  }
  table.held[source] = 0;
}

/** Where there is one. */
export function releaseSlot(
  { table, buffers }: Pick<RelayContext, 'table' | 'buffers'>,
  source: number,
): void {
  const slot = table.slot[source] ?? 0;
  if (slot === 0) return;
  buffers.release(slot - 1);
  table.slot[source] = 0;
}

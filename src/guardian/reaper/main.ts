/**
 * Entry of the reaper. It is blocked in read(2) for as long as its guardian lives: no timer, no thread, no
 * processor time.
 */

import { readSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { createLog, lossReport, styleOfProcess } from '../log.ts';
import { leave } from '../output/standard-streams.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { REAPER_TITLE } from '../run-dir.ts';
import { LOG_FD, type ReaperOrder } from './order.ts';
import { Reaping } from './reaping.ts';

/** A configuration of 255 virtual routers with all that belongs to them is far below. */
const ORDER_BYTES_MAX = 16 << 20;
const STDIN = 0;

process.title = REAPER_TITLE;
// They are meant for the guardian, which ends us when the addresses are gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

/** The last whole line there was when the other end was closed; null: there was none. */
function lastOrder(): ReaperOrder | null {
  const chunk = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    const length = readSync(STDIN, chunk);
    if (length === 0) break;
    text += chunk.toString('latin1', 0, length);
    if (text.length > ORDER_BYTES_MAX) throw new Error('The order has no end');
    const end = text.lastIndexOf('\n');
    const start = text.lastIndexOf('\n', end - 1);
    text = text.slice(start + 1);
  }
  const end = text.indexOf('\n');
  return end === -1 ? null : JSON.parse(Buffer.from(text.slice(0, end), 'latin1').toString());
}

// Now, because it ends by SIGKILL; the next one is smaller by it (docs/adr/0005).
flushCompileCache();
const order = lastOrder();
if (order !== null) {
  const style = styleOfProcess();
  const writer = new StreamWriter(LOG_FD, lossReport(style, ''));
  const log = createLog((line) => writer.write(line), style);
  let code = 0;
  try {
    await new Reaping(order, log).run();
  } catch (error) {
    log('error', `The reaper failed: ${error instanceof Error ? error.stack : error}`);
    code = 1;
  }
  await leave([writer], code);
}

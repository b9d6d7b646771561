/**
 * Entry of the reaper. It is blocked in read(2) for as long as its guardian lives: no timer, no thread, no
 * processor time. `main.ts MODULE`: the URL of the module that knows what the election has left.
 */

import { readSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { OpenEstate } from '../../address/estate.ts';
import { Reaping } from '../../address/reaping.ts';
import { REAPER_TITLE } from '../../contracts/run-directory.ts';
import { assert } from '../../core/assert.ts';
import { applyNftNow } from '../../linux/nftables.ts';
import { createLog, type Log, logLines, lossReport, styleOfProcess } from '../log.ts';
import { leave } from '../output/standard-streams.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { removeScript } from '../redirects/redirect-rules.ts';
import { childIn } from '../run-dir.ts';
import { LOG_FD, type ReaperOrder } from './order.ts';

/** A configuration of 255 virtual routers with all that belongs to them is far below. */
const ORDER_BYTES_MAX = 16 << 20;
const STDIN = 0;
const BALANCERS = ['balancer', 'retired'] as const;

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

// Now and not at the end, when the files may be those of another version.
const { openEstate }: { readonly openEstate?: OpenEstate<unknown> } = await import(
  process.argv[2] ?? ''
);
assert(openEstate !== undefined, 'the election says what it has left');

/** While the next guardian starts its own balancer, the one of before is the retired one. */
function whyUseless(balancerIn: string | null): string | null {
  if (balancerIn === null) return null;
  const balances = BALANCERS.some((role) => childIn(balancerIn, role) !== null);
  return balances ? null : 'no balancer is left either';
}

/** Without the addresses it does nothing; with those of whoever comes next it would. */
function removeRedirects({ redirects }: ReaperOrder, log: Log): void {
  if (redirects === null) return;
  const problem = applyNftNow(removeScript(redirects));
  if (problem !== null) log('warning', `The nft table "${redirects}" is not removed: ${problem}`);
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
    const { estate, balancerIn } = order;
    const warn = (text: string) => log('warning', text);
    await new Reaping({
      openEstate,
      estate,
      whyUseless: () => whyUseless(balancerIn),
      warn,
    }).run();
  } catch (error) {
    logLines(log, 'error', `The reaper failed: ${error instanceof Error ? error.stack : error}`);
    code = 1;
  }
  removeRedirects(order, log);
  await leave([writer], code);
}

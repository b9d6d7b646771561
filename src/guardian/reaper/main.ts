/**
 * Entry of the reaper. It sleeps for as long as its guardian lives and shows life in its mastership file; when that
 * one hangs or is gone, it sees to the addresses. `main.ts MODULE`: the URL of the module that knows what the
 * election has left.
 */

import { flushCompileCache } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import type { OpenEstate, VigilOf } from '../../address/estate.ts';
import { Reaping } from '../../address/reaping.ts';
import { Vigil } from '../../address/vigil.ts';
import { REAPER_TITLE } from '../../contracts/run-directory.ts';
import { assert } from '../../core/assert.ts';
import { bootMs } from '../../linux/clock.ts';
import { forbidSystemCalls } from '../../linux/confinement/system-call-filter.ts';
import { applyNftNow } from '../../linux/nftables.ts';
import { PollSet } from '../../linux/poll.ts';
import { gainNoRights, keepCapabilities } from '../../linux/rights.ts';
import { becomeRealTime } from '../../linux/scheduler.ts';
import { dropGarbageNow } from '../../start-garbage.ts';
import { createLog, type Log, logLines, lossReport, styleOfProcess } from '../log.ts';
import { leave } from '../output/leave.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { removeScript } from '../redirects/redirect-rules.ts';
import { childIn } from '../run-dir.ts';
import { LOG_FD, type ReaperOrder } from './order.ts';
import { OrderPipe } from './order-pipe.ts';

const STDIN = 0;
const BALANCERS = ['balancer', 'retired'] as const;
/** Without an election to look at, until the pipe has news. */
const WAIT_MS_MAX = 3_600_000;
/** Below the speaker's: a busy machine must not keep the address here while another node has it. */
const REAL_TIME_PRIORITY = 9;
/** The last for the line above. */
const CAPABILITIES = ['NET_ADMIN', 'NET_RAW', 'SYS_NICE'] as const;

// Before it reads anything, and before any thread of ours: it changes addresses and links, listens for others, and
// runs nft(8), which needs as much.
gainNoRights(CAPABILITIES);
keepCapabilities(CAPABILITIES);
forbidSystemCalls({ mayRun: true, mayForge: true });
process.title = REAPER_TITLE;
// They are meant for the guardian, which ends us when the addresses are gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without a listener Node would open a debugger to every account of the machine.
process.on('SIGUSR1', () => {});

type EstateModule = {
  readonly openEstate?: OpenEstate<unknown>;
  readonly vigilOf?: VigilOf<unknown>;
};

// Now and not at the end, when the files may be those of another version.
const { openEstate, vigilOf }: EstateModule = await import(process.argv[2] ?? '');
assert(openEstate !== undefined, 'the election says what it has left');
assert(vigilOf !== undefined, 'the election says when it is silent');
const [open, vigilFor] = [openEstate, vigilOf];

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

async function reap(
  { estate, balancerIn }: ReaperOrder,
  why: string,
  isBack: () => boolean,
  log: Log,
): Promise<void> {
  const warn = (text: string) => log('warning', text);
  const useless = () => whyUseless(balancerIn);
  await new Reaping({ openEstate: open, estate, whyUseless: useless, isBack, why, warn }).run();
}

/** Resolves when the guardian is gone. */
async function watch(pipe: OrderPipe, log: Log): Promise<void> {
  const poll = new PollSet(1);
  poll.add(pipe.fd);
  let vigil: Vigil | null = null;
  let watched: ReaperOrder | null = null;
  while (pipe.read()) {
    const { order } = pipe;
    if (order !== watched && order !== null) {
      vigil?.close();
      vigil = new Vigil(vigilFor(order.estate));
      watched = order;
    }
    const now = bootMs();
    const look = vigil?.look(now) ?? { silent: false, nextAt: Number.POSITIVE_INFINITY };
    if (look.silent && vigil !== null && order !== null) {
      await reapMeanwhile(pipe, vigil, order, log);
    } else {
      poll.wait(Math.min(look.nextAt - now, WAIT_MS_MAX));
      // What was said goes out.
      await setImmediate();
    }
  }
  vigil?.close();
}

/** Until the guardian shows life, or is gone, or has no address any more. */
async function reapMeanwhile(
  pipe: OrderPipe,
  vigil: Vigil,
  order: ReaperOrder,
  log: Log,
): Promise<void> {
  const isBack = () => !pipe.read() || !vigil.look(bootMs()).silent;
  try {
    await reap(order, 'The guardian hangs', isBack, log);
  } catch (error) {
    // The machine is not as it was, e.g. an interface went: its lifetime ends the address.
    log('warning', `A guardian that hangs cannot be stood in for: ${error}`);
  }
  if (!isBack()) vigil.settle();
}

// Now, because it ends by SIGKILL; the next one is smaller by it (docs/adr/0005).
flushCompileCache();
// Before it has a priority by which its milliseconds would be somebody else's.
dropGarbageNow();
const style = styleOfProcess();
const writer = new StreamWriter(LOG_FD, lossReport(style, ''));
const log = createLog((line) => writer.write(line), style);
let code = 0;
let last: ReaperOrder | null = null;
try {
  const pipe = new OrderPipe(STDIN);
  // Where it is refused, the speaker has said so.
  becomeRealTime(REAL_TIME_PRIORITY);
  await watch(pipe, log);
  last = pipe.order;
  if (last !== null) await reap(last, 'The guardian is gone', () => false, log);
} catch (error) {
  logLines(log, 'error', `The reaper failed: ${error instanceof Error ? error.stack : error}`);
  code = 1;
}
if (last !== null) removeRedirects(last, log);
await leave([writer], code);

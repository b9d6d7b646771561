/**
 * The lab's client: a process in the clients' namespace. It makes requests to the VIP at a steady pace,
 * keeps watches open, forwards the host's ports into the lab, and reports four times a second. It ends
 * when its channel to the lab closes.
 */

import { readFileSync } from 'node:fs';
import { Server } from 'node:net';
import { createSecureContext } from 'node:tls';
import { forward } from './forward.ts';
import type { ClientConfig, FromClient, ToClient } from './messages.ts';
import { type RequestTarget, request } from './request.ts';
import { Tally } from './tally.ts';
import { WatchTally } from './watch-tally.ts';
import { keepWatch } from './watches.ts';

const REPORT_INTERVAL_MS = 250;
const PATH = '/version';

const tally = new Tally(performance.now());
const watches = new WatchTally(performance.now());
/** Since the mark, ms. */
let lateMs = 0;

function say(message: FromClient): void {
  process.send?.(message);
}

function report(): void {
  const now = performance.now();
  say({ kind: 'report', report: tally.report(now, watches.report(now), lateMs) });
}

function start(config: ClientConfig): void {
  const secureContext = createSecureContext({ ca: readFileSync(config.authorityFile) });
  let turn = 0;
  const nextTarget = (): RequestTarget => {
    const localAddress = config.addresses[turn % config.addresses.length] ?? '';
    turn += 1;
    return { host: config.host, port: config.port, localAddress, secureContext };
  };
  const { watchSilenceMs } = config;
  for (let index = 0; index < config.watches; index++) {
    keepWatch(watches, nextTarget(), watchSilenceMs);
  }
  let dueAt = performance.now() + config.intervalMs;
  // Patience bounds how many requests are under way at once.
  setInterval(async () => {
    const startedAt = performance.now();
    lateMs = Math.max(lateMs, startedAt - dueAt);
    dueAt = startedAt + config.intervalMs;
    const outcome = await request(nextTarget(), PATH, config.patienceMs);
    if (outcome.ok) tally.succeed(outcome.node, performance.now());
    else tally.fail(outcome.reason, startedAt, performance.now());
  }, config.intervalMs);
  setInterval(report, REPORT_INTERVAL_MS);
}

process.title = 'evergate lab: client';
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToClient, handle: unknown) => {
  switch (message.kind) {
    case 'start':
      start(message.config);
      break;
    case 'forward':
      if (handle instanceof Server) forward(handle, message.host, message.port);
      break;
    case 'mark':
      tally.mark(performance.now());
      watches.mark(performance.now());
      lateMs = 0;
      report();
      break;
    case 'reset':
      tally.reset(performance.now());
      watches.mark(performance.now());
      lateMs = 0;
      report();
      break;
  }
});
say({ kind: 'ready' });

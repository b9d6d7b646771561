/**
 * bench/admission: what a crowd that comes at once, as after a failover of the VIP, does to apiservers that nobody knows
 * to be fast or slow yet.
 *
 *   node bench/admission/run.ts [--clients N] [--work MS] [--haproxy COMMAND] [--smoke]
 *
 * 3,000 clients at three apiservers that take 3 ms for a hello, one after the other: through the data plane with the
 * admission of evergate.yaml, without it, and through HAProxy with leastconn, which is left out where it is missing
 * (--haproxy names another one, with its arguments). Prints a line for each: after how long the clients were answered,
 * and how many hellos one apiserver had at once without an answer. Half a minute. Exits with 1 when a client failed with
 * admission. --smoke: 60 clients.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../test/kit/free-port.ts';
import { findCommand } from '../../test/kit/peers.ts';
import type { ApiserverFigures } from '../hedging/apiserver.ts';
import { ask, Child, waitForPort } from '../hedging/crowd.ts';

const APISERVERS = 3;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '3000' },
    work: { type: 'string', default: '3' },
    haproxy: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
});
const clients = values.smoke ? 60 : Number(values.clients);

type Proxy = { readonly name: string; readonly end: () => Promise<void> };

const ROOT = join(import.meta.dirname, '../..');

async function evergate(pace: 'paced' | 'free', listen: number, ports: readonly number[]) {
  const balancer = new Child('balancer.ts', [ROOT, pace, listen, ...ports]);
  await balancer.line();
  const name = pace === 'paced' ? 'Evergate' : 'Evergate without admission';
  return { name, end: () => balancer.end() };
}

/** Resolves when it has ended. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function haproxy(
  command: readonly string[],
  listen: number,
  ports: readonly number[],
): Promise<Proxy> {
  const [program = '', ...words] = command;
  const version = spawnSync(program, [...words, '-v'], { encoding: 'utf8' }).stdout;
  const folder = mkdtempSync(join(tmpdir(), 'evergate-bench-'));
  const file = join(folder, 'haproxy.cfg');
  const servers = ports.map((port, index) => `  server s${index} 127.0.0.1:${port}\n`);
  writeFileSync(
    file,
    `global
  maxconn 9000
  nbthread 1
defaults
  mode tcp
  maxconn 9000
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen front
  bind 127.0.0.1:${listen} backlog 4096
  balance leastconn
${servers.join('')}`,
  );
  const child = spawn(program, [...words, '-db', '-f', file], { stdio: 'ignore' });
  const end = async () => {
    await endProcess(child);
    rmSync(folder, { recursive: true, force: true });
  };
  return { name: `HAProxy ${/version (\S+)/.exec(version)?.[1] ?? ''}`, end };
}

/** Clients that got no answer. */
async function measure(
  start: (listen: number, ports: readonly number[]) => Promise<Proxy>,
): Promise<number> {
  const ports = await Promise.all(Array.from({ length: APISERVERS }, () => freePort()));
  const apiservers = ports.map((port) => new Child('apiserver.ts', [port, Number(values.work)]));
  const ends = apiservers.map((apiserver) => () => apiserver.end());
  try {
    for (const port of ports) await waitForPort(port);
    const listen = await freePort();
    const { name, end } = await start(listen, ports);
    ends.push(end);
    await waitForPort(listen);
    const answers = await Promise.all(Array.from({ length: clients }, () => ask(listen, 0)));
    const spent = answers.filter((ms) => ms !== null).sort((one, other) => one - other);
    const figures = await Promise.all(
      apiservers.map((apiserver) => apiserver.figures<ApiserverFigures>()),
    );
    const hellos = figures.reduce((sum, one) => sum + one.hellos, 0);
    const unanswered = Math.max(...figures.map((one) => one.unansweredMax));
    const failed = clients - spent.length;
    const at = (share: number) => (spent[Math.ceil(spent.length * share) - 1] ?? 0).toFixed(0);
    process.stdout.write(
      `${name}: ${clients} clients answered after ${at(0.5)} ms (median) and ${at(1)} ms (last), ${failed} failed; ` +
        `${hellos} hellos, ${unanswered} of them unanswered at one apiserver at most\n`,
    );
    return failed;
  } finally {
    await Promise.all(ends.map((end) => end()));
  }
}

const failed = await measure((listen, ports) => evergate('paced', listen, ports));
await measure((listen, ports) => evergate('free', listen, ports));
const found = findCommand('haproxy');
const command = values.haproxy?.split(' ') ?? (found === null ? null : [found]);
if (command === null) process.stdout.write('HAProxy is missing\n');
else await measure((listen, ports) => haproxy(command, listen, ports));
if (values.smoke) process.stdout.write('A smoke run: the figures mean nothing\n');
else if (failed > 0) process.exitCode = 1;

/**
 * bench/hedging: what a crowd that comes at once costs apiservers that need their time for each hello.
 *
 *   node bench/hedging/run.ts [--clients N] [--work MS] [--hung] [--source DIR] [--smoke]
 *
 * 1,200 clients at three apiservers that take 15 ms for a hello, one after the other. With --hung they come
 * 10 ms apart, and the first apiserver is stopped (SIGSTOP); nobody takes it out, so that hedging alone has to do it. --source DIR measures
 * another source tree, such as an older one. Prints one line; 10 seconds, a minute at most. Exits with 1 when a
 * client failed, or a crowd made more than 1.1 hellos for each. --smoke: 60 clients.
 */

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../test/kit/free-port.ts';
import type { ApiserverFigures } from './apiserver.ts';
import type { BalancerFigures } from './balancer.ts';
import { ask, Child, waitForPort } from './crowd.ts';

const APISERVERS = 3;
const PACE_MS = 10;
const HELLOS_MAX = 1.1;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1200' },
    work: { type: 'string', default: '15' },
    hung: { type: 'boolean', default: false },
    source: { type: 'string', default: join(import.meta.dirname, '../..') },
    smoke: { type: 'boolean', default: false },
  },
});
const clients = values.smoke ? 60 : Number(values.clients);

const ports = await Promise.all(Array.from({ length: APISERVERS }, () => freePort()));
const apiservers = ports.map((port) => new Child('apiserver.ts', [port, Number(values.work)]));
const listen = await freePort();
const balancer = new Child('balancer.ts', [resolve(values.source), 'free', listen, ...ports]);
try {
  await balancer.line();
  for (const port of ports) await waitForPort(port);
  const heard = values.hung ? apiservers.slice(1) : apiservers;
  if (values.hung) apiservers[0]?.signal('SIGSTOP');
  const answers = await Promise.all(
    Array.from({ length: clients }, (_, index) => ask(listen, values.hung ? index * PACE_MS : 0)),
  );
  const spent = answers.filter((ms) => ms !== null).sort((one, other) => one - other);
  const { hedges, refused } = await balancer.figures<BalancerFigures>();
  const figures = await Promise.all(heard.map((one) => one.figures<ApiserverFigures>()));
  const unanswered = Math.max(...figures.map((one) => one.unansweredMax));
  const hellos = values.hung ? clients + hedges : figures.reduce((sum, one) => sum + one.hellos, 0);
  const failed = clients - spent.length;
  const median = spent[Math.floor(spent.length / 2)] ?? Number.NaN;
  process.stdout.write(
    `${clients} clients: ${hellos} hellos (${(hellos / clients).toFixed(2)} x), ${hedges} hedges, ` +
      `${refused} refused, ${unanswered} unanswered at one apiserver at most, answered after ` +
      `${median.toFixed(0)} ms (median) and ${(spent.at(-1) ?? Number.NaN).toFixed(0)} ms (last), ${failed} failed\n`,
  );
  if (values.smoke) process.stdout.write('A smoke run: the figures mean nothing\n');
  else if (failed > 0 || (!values.hung && hellos > clients * HELLOS_MAX)) process.exitCode = 1;
} finally {
  await Promise.all([balancer, ...apiservers].map((child) => child.end()));
}

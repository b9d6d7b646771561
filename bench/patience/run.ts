/**
 * bench/patience: whether a server that has all it can do is taken for one that hangs, and how soon one that does is found.
 *
 *   node bench/patience/run.ts [--minutes N] [--crowd N]
 *
 * The lab's cluster from an evergate.yaml. A crowd asks one apiserver without a pause, past the VIP: no balancer hears a byte of
 * it but from its own checks and what the lab's clients get. After ten minutes it is stopped (SIGSTOP). Prints one line; exits
 * with 1 where it was called down while it answered.
 */

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { clientNamespace } from '../../src/lab/network.ts';
import { startCluster } from '../../src/lab/start-cluster.ts';
import { ARTICLE } from '../../src/lab/topology.ts';
import { askStatus } from '../../test/kit/status.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    crowd: { type: 'string', default: '60' },
  },
});
const forMs = Number(values.minutes) * 60_000;
const LOOK_MS = 50;
const FOUND_BOUND_MS = 30_000;
/** A quiet minute first would prove less: the crowd comes all at once. */
const SETTLE_MS = 5000;

/** Asks host and port over new connections, so many at a time; says how many were answered, and how long the slowest took. */
const CROWD = `
const tls = require('node:tls');
const [host, port, count] = process.argv.slice(1);
let answered = 0, slowest = 0;
function ask() {
  const at = performance.now();
  const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false }, () =>
    socket.write('GET /version HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'));
  socket.on('error', () => {});
  socket.once('data', () => { answered++; slowest = Math.max(slowest, performance.now() - at); });
  socket.on('end', () => socket.end());
  socket.on('close', () => setImmediate(ask));
}
for (let n = 0; n < Number(count); n++) ask();
process.on('message', () => process.send({ answered, slowest }));
process.on('disconnect', () => process.exit());
`;

const victim = ARTICLE.nodes.at(-1);
if (victim === undefined) throw new Error('The topology has nodes');
const cluster = await startCluster();
const words = ['netns', 'exec', clientNamespace(cluster.id), process.execPath, '-e', CROWD];
const crowd = spawn('ip', [...words, victim.address, `${ARTICLE.apiserverPort}`, values.crowd], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
try {
  const isDown = async (): Promise<boolean> => {
    const { reasons } = await askStatus(cluster.node(ARTICLE.nodes[0]?.name ?? '').parts.runDir);
    return reasons.some((reason) => reason.includes(`/${victim.name}" is down`));
  };
  await sleep(SETTLE_MS);
  let alarms = 0;
  let wasDown = await isDown();
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    const down = await isDown();
    if (down && !wasDown) alarms += 1;
    wasDown = down;
    await sleep(LOOK_MS);
  }
  const told = Promise.withResolvers<{ readonly answered: number; readonly slowest: number }>();
  crowd.once('message', (message) => told.resolve(message as never));
  crowd.send('tell');
  const { answered, slowest } = await told.promise;
  const stoppedAt = performance.now();
  await cluster.fault('hang-apiserver', victim.name);
  while (!(await isDown()) && performance.now() - stoppedAt < FOUND_BOUND_MS) await sleep(10);
  const foundMs = performance.now() - stoppedAt;
  process.stdout.write(
    `${values.minutes} minutes: ${answered} answers to a crowd of ${values.crowd}, the slowest after ${slowest.toFixed(0)} ms; ` +
      `${alarms} false alarms; stopped, it was found after ${foundMs.toFixed(0)} ms\n`,
  );
  if (alarms > 0) process.exitCode = 1;
} finally {
  crowd.kill('SIGKILL');
  await cluster.stop();
}

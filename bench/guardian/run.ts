/**
 * How long two nodes own the VIP, or none, when the guardian of the owner hangs or is killed, and what clients lose
 * meanwhile: SIGSTOP for 3 s, SIGKILL, and SIGSTOP to the reaper, too, which leaves the lifetime of the address alone
 * to end it. As root; whole processes in network namespaces.
 *
 * usage: node bench/guardian/run.ts [--runs N] [--only WORD]
 */

import { parseArgs } from 'node:util';
import { GuardianCluster, type Seen, VIP } from '../../test/kit/guardian-cluster.ts';
import { whyNoNamespaces } from '../../test/kit/network.ts';
import { waitUntil } from '../../test/kit/wait-until.ts';

const RUNS = 20;
const STOP_MS = 3000;

const FAULTS = [
  { name: 'hangs for 3 s', stopped: ['guardian'], killed: [] },
  { name: 'is killed', stopped: [], killed: ['guardian'] },
  { name: 'hangs, and the reaper, too', stopped: ['guardian', 'reaper'], killed: [] },
] as const;

type Fault = (typeof FAULTS)[number];

type Outcome = Seen & { readonly severalMs: number; readonly noneMs: number };

async function run(cluster: GuardianCluster, version: 2 | 3, fault: Fault): Promise<Outcome> {
  const [first, , watch] = await cluster.pair(version);
  await waitUntil('its spare is there', () => first.has('spare'));
  const stop = await cluster.load(VIP);
  const from = performance.now();
  first.kill(...fault.killed);
  for (const role of fault.stopped) first.signal(role, 'SIGSTOP');
  await waitUntil('the other alone owns the VIP', () => watch.owners.join() === 'b');
  const left = STOP_MS - (performance.now() - from);
  if (left > 0) await new Promise((done) => setTimeout(done, left));
  for (const role of fault.stopped.toReversed()) first.signal(role, 'SIGCONT');
  const seen = await stop();
  const { severalMs, noneMs } = watch.spans(from);
  await cluster.settled();
  return { ...seen, severalMs, noneMs };
}

function spread(values: readonly number[]): string {
  const sorted = values.map(Math.round).toSorted((a, b) => a - b);
  return `${sorted[sorted.length >> 1]} [${sorted[0]}-${sorted.at(-1)}]`;
}

function row(name: string, outcomes: readonly Outcome[]): string {
  const losing = outcomes.filter(({ failed }) => failed > 0).length;
  const cells = [
    name,
    spread(outcomes.map(({ severalMs }) => severalMs)),
    spread(outcomes.map(({ noneMs }) => noneMs)),
    `${losing} of ${outcomes.length}`,
    spread(outcomes.map(({ failed }) => failed)),
  ];
  return `| ${cells.join(' | ')} |\n`;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: `${RUNS}` },
    only: { type: 'string', default: '' },
  },
});
const runs = Number(values.runs);
const reason = whyNoNamespaces();
if (reason !== null || !Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`${reason ?? '--runs takes a whole number from 1 on'}\n`);
  process.exit(2);
}
const cluster = await GuardianCluster.create();
try {
  process.stdout.write(
    '| the guardian | two owners, ms | none, ms | runs with a failed connection | failed |\n',
  );
  process.stdout.write('| --- | ---: | ---: | ---: | ---: |\n');
  for (const version of [2, 3] as const) {
    for (const fault of FAULTS) {
      const name = `${fault.name}, ${version === 2 ? 'version 2 at 1 s' : 'version 3 at 100 ms'}`;
      if (!name.includes(values.only)) continue;
      const outcomes: Outcome[] = [];
      while (outcomes.length < runs) outcomes.push(await run(cluster, version, fault));
      process.stdout.write(row(name, outcomes));
    }
  }
} finally {
  await cluster.close();
}

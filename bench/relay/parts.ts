/** The parts of the bench: each measures in rounds and comes to rows. */

import { nodeMemory, peersMemory, SHARED } from './idle.ts';
import { clientsFor, costOf, type Kind, latencyP99 } from './load.ts';
import { directKernelBytes, idleBytes, openCrowd } from './memory.ts';
import { LISTEN_PORT, LOAD_CORE, PROXY_CORE, type ProxyServer, SERVER_PORT } from './proxies.ts';
import type { Part, Row } from './results.ts';
import { compare, median, type Sample, type Samples, sampleRounds } from './rounds.ts';
import { commandTimes, forms, startTimes } from './start.ts';

export type Bench = {
  /** Folder for configurations and the backend's big file. */
  readonly work: string;
  readonly ours: ProxyServer;
  /** The one that growth, memory and threads are compared with comes first. */
  readonly peers: readonly ProxyServer[];
  readonly rounds: number;
  /** Of each measurement; whole seconds. */
  readonly seconds: number;
  /** Everything for a moment. */
  readonly smoke: boolean;
};

const UNITS: Readonly<Record<string, string>> = {
  request: 'us of CPU per request',
  connection: 'us of CPU per connection',
  stream: 'ms of CPU per GB',
  'added p99': 'us',
  'requests per second': '1/s',
  'connections per second': '1/s',
  'user memory': 'bytes per idle connection',
  'kernel memory': 'bytes per idle connection',
};

/** Whom figures of a node at rest are set beside. */
const PEERS: Readonly<Record<string, string>> = {
  [SHARED]: 'haproxy + keepalived',
  'first connect': 'haproxy',
  'first answer': 'haproxy',
};

/** Of one kind of load, before it is measured. */
const WARM_SECONDS = 2;

const KINDS: readonly Kind[] = ['request', 'connection', 'stream'];

export const MEASURE: Readonly<Record<Part, (bench: Bench) => Promise<Row[]>>> = {
  cost: measureCost,
  threads: measureThreads,
  growth: measureGrowth,
  memory: measureMemory,
  idle: measureIdle,
};

// --- processor time and latency -----------------------------------------------------------------

async function measureCost(bench: Bench): Promise<Row[]> {
  const { ours, peers, work, seconds, smoke } = bench;
  const clients = clientsFor((await fullRate(bench)) / 2);
  const direct: ProxyServer = { ...ours, name: 'direct' };
  const sample = async (proxy: ProxyServer): Promise<Sample> => {
    if (proxy === direct) return { p99: await latencyP99(work, SERVER_PORT, clients, seconds) };
    const started = await proxy.start({ threads: 1, servers: 3 });
    try {
      const costs: Record<string, number> = {};
      for (const kind of KINDS) {
        // Warm: compiled code, filled pools, a backend that has its file in memory.
        if (!smoke) await costOf(kind, started.pid, LISTEN_PORT, WARM_SECONDS);
        costs[kind] = (await costOf(kind, started.pid, LISTEN_PORT, seconds)).cost;
      }
      return { ...costs, p99: await latencyP99(work, LISTEN_PORT, clients, seconds) };
    } finally {
      await started.end();
    }
  };
  const all = await sampleRounds([ours, ...peers, direct], bench.rounds, 'cost', sample);
  const samples = withAdded(all, direct.name);
  return peers.flatMap(({ name }) =>
    [...KINDS, 'added p99'].map((measure) =>
      row('cost', measure, '', name, compare(samples, ours.name, name, measure)),
    ),
  );
}

/** Requests per second that the load can have through us. */
async function fullRate({ ours }: Bench): Promise<number> {
  const started = await ours.start({ threads: 1, servers: 3 });
  try {
    return (await costOf('request', started.pid, LISTEN_PORT, 1)).rate;
  } finally {
    await started.end();
  }
}

/** What a proxy adds to the time an answer takes without one, round by round. */
function withAdded(samples: Samples, direct: string): Samples {
  const without = samples.get(direct) ?? [];
  const added = [...samples].map(([name, rounds]): [string, Sample[]] => [
    name,
    rounds.map((one, round) => ({
      ...one,
      'added p99': (one.p99 ?? Number.NaN) - (without[round]?.p99 ?? Number.NaN),
    })),
  ]);
  return new Map(added);
}

// --- two threads --------------------------------------------------------------------------------

async function measureThreads({ ours, peers, rounds, seconds, smoke }: Bench): Promise<Row[]> {
  const [peer] = peers;
  if (peer === undefined) return [];
  // Load, backend and proxy share both cores: that is all the machine has.
  const cores = `${PROXY_CORE},${LOAD_CORE}`;
  const samples = await sampleRounds([ours, peer], rounds, 'threads', async (proxy) => {
    const started = await proxy.start({ threads: 2, servers: 3 });
    try {
      const rate = async (kind: Kind): Promise<number> =>
        (await costOf(kind, started.pid, LISTEN_PORT, seconds, cores)).rate;
      if (!smoke) await costOf('connection', started.pid, LISTEN_PORT, WARM_SECONDS, cores);
      return {
        'requests per second': await rate('request'),
        'connections per second': await rate('connection'),
      };
    } finally {
      await started.end();
    }
  });
  return ['requests per second', 'connections per second'].map((measure) =>
    row(
      'threads',
      measure,
      '2 threads',
      peer.name,
      compare(samples, ours.name, peer.name, measure),
    ),
  );
}

// --- growth -------------------------------------------------------------------------------------

type Setting = { readonly title: string; readonly crowd: number; readonly servers: number };

export const SETTINGS: readonly Setting[] = [
  { title: '10 open, 3 servers', crowd: 10, servers: 3 },
  { title: '1,000 open, 3 servers', crowd: 1000, servers: 3 },
  { title: '9,000 open, 3 servers', crowd: 9000, servers: 3 },
  { title: '10 open, 100 servers', crowd: 10, servers: 100 },
];
const SMOKE_SETTINGS: readonly Setting[] = [
  { title: '50 open, 100 servers', crowd: 50, servers: 100 },
];

async function measureGrowth({ ours, peers, rounds, smoke }: Bench): Promise<Row[]> {
  const [peer] = peers;
  if (peer === undefined) return [];
  const settings = smoke ? SMOKE_SETTINGS : SETTINGS;
  const kinds = smoke ? KINDS.slice(0, 1) : KINDS;
  const entries = settings.flatMap((setting) =>
    [ours, peer].map((proxy) => ({ ...proxy, name: `${proxy.name}, ${setting.title}`, setting })),
  );
  const samples = await sampleRounds(entries, rounds, 'growth', async (proxy) => {
    const setting = entries.find(({ name }) => name === proxy.name)?.setting ?? settings[0];
    if (setting === undefined) return {};
    const started = await proxy.start({ threads: 1, servers: setting.servers });
    try {
      const crowd = await openCrowd(LISTEN_PORT, setting.crowd);
      const costs: Record<string, number> = {};
      for (const kind of kinds) {
        if (!smoke) await costOf(kind, started.pid, LISTEN_PORT, WARM_SECONDS);
        costs[kind] = (await costOf(kind, started.pid, LISTEN_PORT, 1)).cost;
      }
      await crowd.leave();
      return costs;
    } finally {
      await started.end();
    }
  });
  const first = settings[0]?.title ?? '';
  return settings.flatMap(({ title }) =>
    kinds.flatMap((measure) => {
      const mine = `${ours.name}, ${title}`;
      const against = (other: string) => compare(samples, mine, other, measure);
      const pair = row('growth', measure, title, peer.name, against(`${peer.name}, ${title}`));
      if (title === first) return [pair];
      const itself = `${ours.name}, ${first}`;
      return [pair, row('growth', measure, title, itself, against(itself))];
    }),
  );
}

// --- memory -------------------------------------------------------------------------------------

async function measureMemory({ ours, peers, rounds, smoke }: Bench): Promise<Row[]> {
  const [peer] = peers;
  if (peer === undefined) return [];
  const connections = smoke ? 200 : 8000;
  const direct: ProxyServer = { ...ours, name: 'direct' };
  const all = await sampleRounds([ours, peer, direct], rounds, 'memory', async (proxy) =>
    proxy === direct
      ? { 'kernel memory': await directKernelBytes(connections) }
      : idleBytes(proxy, connections),
  );
  const without = median((all.get(direct.name) ?? []).map((one) => one['kernel memory'] ?? 0));
  const samples: Samples = new Map(
    [...all].map(([name, taken]) => [
      name,
      taken.map((one) => ({ ...one, 'kernel memory': (one['kernel memory'] ?? 0) - without })),
    ]),
  );
  return ['user memory', 'kernel memory'].map((measure) =>
    row('memory', measure, '', peer.name, compare(samples, ours.name, peer.name, measure)),
  );
}

async function measureIdle({ work, rounds: count, smoke }: Bench): Promise<Row[]> {
  const rounds = { rounds: count, warm: !smoke };
  const settle = smoke ? { settleMs: 0 } : {};
  const rows: Row[] = [];
  const add = (measure: string, unit: string, setting: string, ours: number, theirs?: number) => {
    const peer = theirs === undefined ? '' : PEERS[measure];
    const ratio = theirs === undefined ? {} : { theirs, ratio: ours / theirs, ratios: [] };
    rows.push({ part: 'idle', measure, unit, setting, peer: peer ?? '', ours, ...ratio });
  };
  const theirs = (await peersMemory(work, settle.settleMs)) ?? undefined;
  let commands: Awaited<ReturnType<typeof commandTimes>> = new Map();
  const meanwhile = async (runDir: string): Promise<void> => {
    if (commands.size === 0) commands = await commandTimes(work, runDir, rounds);
  };
  for (const { title, evergate } of forms(work)) {
    // The first start after a change of the code compiles it, and keeps the compiler.
    if (!smoke) await nodeMemory(work, { evergate, settleMs: 0 });
    const sample = await nodeMemory(work, { evergate, ...settle, meanwhile });
    for (const [measure, ours] of Object.entries(sample)) {
      add(measure, 'MiB', title, ours, measure === SHARED ? theirs : undefined);
    }
  }
  for (const [title, { command = Number.NaN }] of commands) add('command', 'ms', title, command);
  const starts = await startTimes(work, rounds);
  const haproxy = starts.get('haproxy');
  for (const [title, { connect = Number.NaN, answer = Number.NaN }] of starts) {
    if (title === 'haproxy') continue;
    add('first connect', 'ms', title, connect, haproxy?.connect);
    add('first answer', 'ms', title, answer, haproxy?.answer);
  }
  return rows;
}

function row(
  part: Part,
  measure: string,
  setting: string,
  peer: string,
  comparison: ReturnType<typeof compare>,
): Row {
  return { part, measure, unit: UNITS[measure] ?? '', setting, peer, ...comparison };
}

/**
 * How long a start takes: from the command to the first connection that is accepted, and to the first answer that
 * comes through, with a haproxy.cfg and with an evergate.yaml, beside HAProxy with the same haproxy.cfg. Three servers
 * answer, two of them on another node. And how long `--help` and `status` take, from beginning to end.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Network, type NetworkNode } from '../../test/kit/network.ts';
import { CONFIG, HAPROXY_CONFIG } from './idle.ts';
import { median, type Sample } from './rounds.ts';

const ROOT = join(import.meta.dirname, '../..');
type Subject = { readonly title: string; readonly command: readonly string[] };

/** How evergate comes to a machine, by the title of its rows. */
export type Form = { readonly title: string; readonly evergate: string };

/** `evergate` of the checkout, and where `npm run build` has made one, of a package. */
export function forms(work: string): readonly Form[] {
  const found = [{ title: 'checkout', evergate: join(ROOT, 'bin/evergate') }];
  if (!existsSync(join(ROOT, 'dist/main.js'))) return found;
  const folder = join(work, 'package');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const evergate = join(folder, 'bin/evergate');
  if (!existsSync(evergate)) {
    copyFileSync(join(ROOT, 'bin/evergate'), evergate);
    symlinkSync(join(ROOT, 'dist'), join(folder, 'dist'));
  }
  return [...found, { title: 'package', evergate }];
}

/** Rounds of everybody once; `warm`: another one before, that does not count. */
export type StartRounds = { readonly rounds: number; readonly warm: boolean };

/** ms by subject: { connect, answer }, each the median of the rounds. */
export async function startTimes(
  work: string,
  rounds: StartRounds,
): Promise<ReadonlyMap<string, Sample>> {
  const haproxyCfg = join(work, 'start-haproxy.cfg');
  writeFileSync(haproxyCfg, HAPROXY_CONFIG);
  const yaml = join(work, 'start-evergate.yaml');
  writeFileSync(yaml, CONFIG);
  const runDir = join(work, 'start-run');
  const subjects = [
    ...forms(work).flatMap(({ title, evergate }): Subject[] => {
      const run = [evergate, 'run', '--run-dir', runDir];
      return [
        { title: `${title}, haproxy.cfg`, command: [...run, '--haproxy', haproxyCfg] },
        { title: `${title}, evergate.yaml`, command: [...run, '--config', yaml] },
      ];
    }),
    { title: 'haproxy', command: ['haproxy', '-db', '-f', haproxyCfg] },
  ];
  const network = await Network.create();
  try {
    const node = await network.addNode('node', '192.168.1.92/24');
    const other = await network.addNode('other', '192.168.1.93/24');
    await other.ip('addr', 'add', '192.168.1.95/24', 'dev', 'ens192');
    await answerOn(node, '192.168.1.92');
    await answerOn(other, '192.168.1.93', '192.168.1.95');
    return await inRounds(subjects, rounds, (subject) => probe(node, subject));
  } finally {
    network.close();
  }
}

/** ms from beginning to end of commands, the median of the rounds. `runDir`: of a node that runs. */
export async function commandTimes(
  work: string,
  runDir: string,
  rounds: StartRounds,
): Promise<ReadonlyMap<string, Sample>> {
  const subjects = forms(work).flatMap(({ title, evergate }): Subject[] => [
    { title: `${title}, --help`, command: [evergate, '--help'] },
    { title: `${title}, status`, command: [evergate, 'status', '--run-dir', runDir] },
  ]);
  return await inRounds(subjects, rounds, async ({ command }) => {
    const startedAt = performance.now();
    const [program = '', ...words] = command;
    const child = spawn(program, words, { stdio: 'ignore' });
    await once(child, 'exit');
    return { command: performance.now() - startedAt };
  });
}

async function inRounds(
  subjects: readonly Subject[],
  { rounds, warm }: StartRounds,
  sample: (subject: Subject) => Promise<Sample>,
): Promise<ReadonlyMap<string, Sample>> {
  // The first start after a change of the code compiles it, and keeps what was compiled.
  if (warm) for (const subject of subjects) await sample(subject);
  const taken = new Map<string, Sample[]>(subjects.map(({ title }) => [title, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) taken.get(subject.title)?.push(await sample(subject));
  }
  return new Map([...taken].map(([title, samples]) => [title, medians(samples)]));
}

function medians(samples: readonly Sample[]): Sample {
  const measures = Object.keys(samples[0] ?? {});
  return Object.fromEntries(
    measures.map((measure) => [
      measure,
      median(samples.map((sample) => sample[measure] ?? Number.NaN)),
    ]),
  );
}

async function answerOn(node: NetworkNode, ...hosts: readonly string[]): Promise<void> {
  const words = [join(import.meta.dirname, 'answer.ts'), ...hosts];
  const child = node.spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let ready = '';
  for await (const chunk of child.stdout ?? []) {
    ready += String(chunk);
    if (ready.length >= hosts.length * 'ready\n'.length) return;
  }
  throw new Error('The servers of the start did not come up');
}

async function probe(node: NetworkNode, { command }: Subject): Promise<Sample> {
  const words = [join(import.meta.dirname, 'start-probe.ts'), ...command];
  const { code, stdout, stderr } = await node.run(process.execPath, words);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

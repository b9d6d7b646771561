/**
 * Many mutated inputs for every decoder, and hostile answers for the asker of name servers, with progress; exit code 0: none broke.
 *
 * usage: node test/fuzz/run.ts [--inputs N] [--seed S] [--only WORD]
 */

import { parseArgs } from 'node:util';
import { DECODERS } from './decoders.ts';
import { fuzzAsker } from './fuzz-asker.ts';
import { fuzzDecoder } from './fuzz-decoder.ts';

const INPUTS = '1000000';
/** Between two words of progress. */
const CHUNK = 50_000;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: INPUTS },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const [inputs, firstSeed] = [Number(values.inputs), Number(values.seed)];
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(firstSeed)) {
  process.stderr.write('--inputs and --seed take whole numbers\n');
  process.exit(2);
}

type Run = { readonly inputs: number; readonly seed: number };

/** How many of the inputs were believed. */
const TARGETS: readonly { name: string; fuzz: (run: Run) => number | Promise<number> }[] = [
  ...DECODERS.map((decoder) => ({
    name: decoder.name,
    fuzz: (run: Run) => fuzzDecoder(decoder, run),
  })),
  { name: 'DNS', fuzz: fuzzAsker },
];

const chosen = TARGETS.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) {
  const names = TARGETS.map(({ name }) => name).join(', ');
  process.stderr.write(`--only takes a part of one of these names: ${names}\n`);
  process.exit(2);
}

for (const { name, fuzz } of chosen) {
  const startedAt = performance.now();
  let done = 0;
  let believed = 0;
  while (done < inputs) {
    const chunk = Math.min(CHUNK, inputs - done);
    believed += await fuzz({ inputs: chunk, seed: firstSeed + done });
    done += chunk;
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done} of ${inputs}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  process.stdout.write(
    `${name}: ${inputs} inputs, ${believed} believed, none broke it, ${seconds.toFixed(1)} s\n`,
  );
}

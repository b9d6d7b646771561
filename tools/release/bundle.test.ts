import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bundle } from './bundle.ts';
import { binaryPackages, SBOM_FILE } from './carried.ts';
import { bundledName } from './file-references.ts';

const AGAIN =
  'the bill of materials is another: run node_modules/.bin/node tools/release/write-sbom.ts';
const THREAD = /^import .*\b(parentPort|workerData)\b.* from 'node:worker_threads'/m;
const CHILD = /process\.send(\?| ===)/;

test('bundle() holds the program, with every file that begins a thread or a process', async () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { outputs, entries, sources, packages } = await bundle(process.cwd(), files);
  const names = outputs.map(({ path }) => path.slice(process.cwd().length));
  for (const entry of entries) assert.ok(names.includes(`/dist/${bundledName(entry)}.js`), entry);
  // Whoever uses these was started with them.
  const begun = globSync('src/**/*.ts').filter((file) => {
    const text = readFileSync(file, 'utf8');
    return !file.endsWith('.test.ts') && (THREAD.test(text) || CHILD.test(text));
  });
  assert.ok(begun.length > 5);
  assert.deepEqual(
    begun.filter((file) => !entries.includes(file)),
    [],
  );
  const program = /^(src\/.*(?<!\.test)\.ts|package\.json)$/;
  assert.deepEqual(
    sources.filter((file) => !program.test(file)),
    [],
  );
  for (const name of ['koffi', 'commander', '@peculiar/x509']) assert.ok(packages.includes(name));
  const { components } = JSON.parse(readFileSync(SBOM_FILE, 'utf8'));
  const billed = new Set<string>(components.map(({ name }: { name: string }) => name));
  assert.deepEqual([...billed].sort(), [...packages, ...binaryPackages()].sort(), AGAIN);
});

/** The committed bill of materials (sbom.cdx.json) is that of package-lock.json; its names are held by bundle.test.ts. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const AGAIN = 'run node_modules/.bin/node tools/release/write-sbom.ts';

type Component = {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
};

type Locked = { readonly version: string; readonly integrity?: string };

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

test('each part of the bill of materials is one of package-lock.json, to its hash', () => {
  const { packages } = read('package-lock.json');
  const locked = Object.entries<Locked>(packages).map(([path, { version, integrity }]) => {
    return `${path.replace(/^.*node_modules\//, '')} ${version} ${integrity}`;
  });
  const components: readonly Component[] = read('sbom.cdx.json').components;
  assert.ok(components.length > 10);
  const unknown = components
    .map(({ name, version, hashes = [] }) => {
      const sha512 = hashes.find(({ alg }) => alg === 'SHA-512')?.content ?? '';
      return `${name} ${version} sha512-${Buffer.from(sha512, 'hex').toString('base64')}`;
    })
    .filter((component) => !locked.includes(component));
  assert.deepEqual(unknown, [], AGAIN);
});

/** The three front ends as the fuzz tests see them: text in, a configuration or the reason why not out. */

import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../../src/config/diagnostics.ts';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { parseKeepalived } from '../../src/config/keepalived/index.ts';
import { GOLDEN_ENV } from '../golden/haproxy-golden.ts';

export type Parsed = {
  readonly config: object | null;
  readonly diagnostics: readonly Diagnostic[];
};

export type FrontEnd = {
  readonly name: string;
  parse(text: string): Parsed;
  /** Files it is known to read, right ones and wrong ones. */
  readonly seeds: readonly string[];
};

const ROOT = join(import.meta.dirname, '../..');
const SHARED = join(ROOT, '../shared');

/** Golden inputs end at a line of dashes. */
function golden(pattern: string): readonly string[] {
  return globSync(join(ROOT, 'test/golden', pattern))
    .toSorted()
    .map((path) => readFileSync(path, 'utf8').split(/^-{10}\n/m)[0] ?? '');
}

function shared(pattern: string): readonly string[] {
  if (!existsSync(SHARED)) return [];
  return globSync(join(SHARED, pattern))
    .toSorted()
    .map((path) => readFileSync(path, 'utf8'));
}

export const FRONT_ENDS: readonly FrontEnd[] = [
  {
    name: 'haproxy.cfg',
    parse: (text) => parseHaproxy('haproxy.cfg', text, GOLDEN_ENV),
    seeds: [
      ...golden('haproxy/*.txt'),
      ...shared('{corpus/haproxy,seed}/*.cfg'),
      readFileSync(join(ROOT, 'examples/article/haproxy.cfg'), 'utf8'),
    ],
  },
  {
    name: 'keepalived.conf',
    parse: (text) =>
      parseKeepalived('keepalived.conf', text, {
        readInclude: () => [],
        readScript: () => null,
        configId: 'k8s-master',
        keepScripts: false,
        balancerHere: true,
      }),
    seeds: [...golden('keepalived/*.golden'), ...shared('{corpus/keepalived,seed}/*.conf')],
  },
  {
    name: 'evergate.yaml',
    parse: (text) =>
      parseNative('evergate.yaml', text, {
        hostName: null,
        localAddresses: [{ interface: 'ens192', address: '192.168.1.93', prefixLength: 24 }],
        node: null,
        canRedirect: true,
        fileExists: () => true,
        groupExists: () => true,
        mustBeNode: true,
      }),
    seeds: [...golden('native/*.txt'), readFileSync(join(ROOT, 'examples/evergate.yaml'), 'utf8')],
  },
];

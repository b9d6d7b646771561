/** Notify scripts: what the real keepalived 2.2.7 and we call them with, through the same story. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');
const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;

function instance(name: string, id: number, scripts: string): string {
  return `vrrp_instance ${name} {
  state BACKUP
  version 3
  advert_int 0.3
  interface ${NODE_INTERFACE}
  virtual_router_id ${id}
  priority 100
  virtual_ipaddress {
    10.99.0.${id}/24
  }
${scripts}}
`;
}

/**
 * One node alone: backup, master, fault, backup, master, stop. Every line that scripts were called with so far: the last
 * ones outlive the daemon.
 */
async function story(
  t: TestContext,
  commandOf: (config: string, folder: string) => readonly string[],
): Promise<() => readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-notify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  writeFileSync(path('out'), '');
  // One write a line: keepalived runs scripts side by side.
  const log = `#!/bin/sh\nline=; for word in "$@"; do line="$line[$word]"; done\necho "$line" >>${path('out')}\n`;
  writeFileSync(path('log.sh'), log, { mode: 0o755 });
  const run = (words: string) => `"${path('log.sh')} ${words}"`;
  const scripts = `  notify_master ${run("'two words' x")}
  notify_backup ${run('b')} root
  notify_fault ${run('f')}
  notify_stop ${run('s')} root root
  notify ${run('n')}
`;
  writeFileSync(
    path('keepalived.conf'),
    `global_defs {
  script_user root
}
vrrp_sync_group G1 {
  group {
    A
    B
  }
  notify_master ${run('gm')}
  notify_stop ${run('gs')}
  notify ${run('gn')}
}
${instance('A', 51, scripts)}${instance('B', 52, `  notify ${run('n')}\n`)}`,
  );
  const network = await Network.create();
  t.after(() => network.close());
  const node = await network.addNode('one', '10.99.0.1/24');
  const lines = () => readFileSync(path('out'), 'utf8').split('\n').slice(0, -1);
  const said = (line: string, times: number) =>
    waitUntil(
      `"${line}" is said ${times} times`,
      () => lines().filter((each) => each === line).length >= times,
    );
  const [command = '', ...args] = commandOf(path('keepalived.conf'), folder);
  const child = node.spawn(command, args, { stdio: 'ignore' });
  await said('[gn][GROUP][G1][MASTER][0]', 1);
  await node.setCarrier(false);
  await said('[gn][GROUP][G1][FAULT][0]', 1);
  await node.setCarrier(true);
  await said('[gn][GROUP][G1][MASTER][0]', 2);
  child.kill('SIGTERM');
  await said('[gn][GROUP][G1][STOP][0]', 1);
  await waitUntil('it ends', () => child.exitCode !== null);
  return lines;
}

test('scripts are called as keepalived calls them, as often and with the same words', {
  skip,
}, async (t) => {
  const [linesOfTheirs, linesOfOurs] = await Promise.all([
    story(t, (config, folder) => [
      ...['keepalived', '-P', '-n', '-l', '-f', config],
      ...['-p', join(folder, 'main.pid'), '-r', join(folder, 'vrrp.pid')],
    ]),
    story(t, (config, folder) => [
      ...[process.execPath, MAIN, 'run', '--keepalived', config],
      ...['--run-dir', join(folder, 'run')],
    ]),
  ]);
  const haveSaid = () => linesOfTheirs().length === linesOfOurs().length;
  await waitUntil('both have said as much', haveSaid).catch(() => {});
  const [theirs, ours] = [linesOfTheirs(), linesOfOurs()];
  // keepalived runs them side by side, so their order there is chance.
  assert.deepEqual([...ours].sort(), [...theirs].sort());
  const ofB = ours.filter((line) => line.startsWith('[n][INSTANCE][B]'));
  assert.deepEqual(
    ofB.map((line) => /\[(\w+)\]\[100\]$/.exec(line)?.[1]),
    ['BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER', 'STOP'],
  );
});

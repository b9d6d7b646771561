/**
 * `enable_script_security`: whom keepalived and ours let run a script of the same file, whose rights let others
 * decide what it does. Ours goes on where keepalived does, but for a tracked script that it leaves out.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { findAccount, SCRIPT_ACCOUNT } from '../../../src/linux/identity.ts';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ??
  (hasProgram('keepalived') ? null : 'The package "keepalived" is missing') ??
  (findAccount(SCRIPT_ACCOUNT) === null ? false : `There is an account "${SCRIPT_ACCOUNT}" here`);

const EVERGATE = resolve('bin/evergate');
const PROGRAMS = ['keepalived', 'ours'] as const;

/** `ran`: as which uid the script did; null: not at all. The script is one of a notification unless it is tracked. */
const CASES = [
  { name: 'others can write it', globals: ['script_user root'], ran: '0' },
  {
    name: 'others can write it, with security',
    globals: ['script_user root', 'enable_script_security'],
    ran: null,
  },
  {
    name: 'others can write its folder, with security',
    globals: ['script_user root', 'enable_script_security'],
    folder: true,
    ran: null,
  },
  {
    name: 'others can write it, and nobody runs it, with security',
    globals: ['script_user nobody', 'enable_script_security'],
    ran: '65534',
  },
  { name: 'nobody is named', globals: [], ran: '0' },
  { name: 'nobody is named, with security', globals: ['enable_script_security'], ran: null },
] as const;

type Setup = { readonly folder: string; readonly script: string; readonly safe: string };

/** Scripts that write who they are: one that others can change, or its folder, and one that root owns. */
function createScripts(t: TestContext, openFolder: boolean): Setup {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-scripts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'open'));
  chmodSync(join(folder, 'open'), openFolder ? 0o777 : 0o755);
  const write = (path: string, out: string, mode: number): string => {
    writeFileSync(join(folder, out), '');
    chmodSync(join(folder, out), 0o666);
    writeFileSync(path, `#!/bin/sh\nid -u >> ${join(folder, out)}\n`);
    chmodSync(path, mode);
    return path;
  };
  const script = write(join(folder, 'open', 'script'), 'ran', openFolder ? 0o755 : 0o777);
  return { folder, script, safe: write(join(folder, 'safe'), 'master', 0o755) };
}

function configOf(globals: readonly string[], more: string): string {
  return `global_defs {
  ${globals.join('\n  ')}
}
${more}
`;
}

/** The one that is judged is told before the other. */
function notifying({ script, safe }: Setup): string {
  return `vrrp_instance VI_1 {
  interface ${NODE_INTERFACE}
  virtual_router_id 51
  version 3
  advert_int 0.1
  virtual_ipaddress { 10.99.0.100/24 }
  notify_backup ${script}
  notify_master ${safe} root
}`;
}

async function start(
  t: TestContext,
  program: (typeof PROGRAMS)[number],
  folder: string,
  text: string,
) {
  const network = await Network.create();
  t.after(() => network.close());
  const node = await network.addNode('node', '10.99.0.1/24');
  const file = join(folder, 'k.conf');
  writeFileSync(file, text);
  const path = (name: string) => join(folder, name);
  const child =
    program === 'keepalived'
      ? node.spawn(
          'keepalived',
          ['-P', '-n', '-l', '-f', file, '-p', path('main.pid'), '-r', path('vrrp.pid')],
          { stdio: 'ignore' },
        )
      : node.spawn(EVERGATE, ['run', '--keepalived', file, '--run-dir', path('run')], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
  const ended = Promise.withResolvers<number | null>();
  // With all that it has said.
  child.once('close', ended.resolve);
  let told = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    told += bytes.toString();
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended.promise;
  };
  return { node, ended: ended.promise, stop, told: () => told };
}

function ranAs(folder: string, out = 'ran'): string | null {
  return readFileSync(join(folder, out), 'utf8').split('\n')[0] || null;
}

describe('scripts that others can change', { skip, concurrency: 4, timeout: 300_000 }, () => {
  for (const program of PROGRAMS) {
    for (const { name, globals, ran, ...rest } of CASES) {
      test(`${program}: ${name}`, async (t) => {
        const setup = createScripts(t, 'folder' in rest);
        const text = configOf(globals, notifying(setup));
        const { stop, told } = await start(t, program, setup.folder, text);
        await waitUntil('it is master, and says so', () => ranAs(setup.folder, 'master'));
        if (ran !== null) await waitUntil('it has run', () => ranAs(setup.folder));
        await stop();
        assert.equal(ranAs(setup.folder), ran);
        if (program === 'ours' && ran === null) assert.match(told(), /unsafe-script/);
      });
    }
  }
});

describe('a tracked script', { skip, timeout: 300_000 }, () => {
  const tracking = ({ script }: Setup) => `vrrp_script chk {
  script ${script}
  interval 0.1
}
vrrp_instance VI_1 {
  interface ${NODE_INTERFACE}
  virtual_router_id 51
  version 3
  advert_int 0.1
  virtual_ipaddress { 10.99.0.100/24 }
  track_script { chk }
}`;
  const SECURITY = ['script_user root', 'enable_script_security'];

  test('that others can change is not run, and the start is refused', async (t) => {
    const setup = createScripts(t, true);
    const { ended, told } = await start(
      t,
      'ours',
      setup.folder,
      configOf(SECURITY, tracking(setup)),
    );
    assert.equal(await ended, 1);
    assert.match(
      told(),
      /Script "chk" does not run: .*every account can write .*\[unsafe-script\]/,
    );
    assert.equal(ranAs(setup.folder), null);
  });

  test('that others can change later runs no more, and the VIP goes', async (t) => {
    const setup = createScripts(t, false);
    chmodSync(setup.script, 0o755);
    const { node, stop } = await start(
      t,
      'ours',
      setup.folder,
      configOf(SECURITY, tracking(setup)),
    );
    await waitUntil('the VIP is here', () => node.holds('10.99.0.100'));
    chmodSync(setup.script, 0o777);
    await waitUntil('the VIP goes', async () => !(await node.holds('10.99.0.100')));
    const { length } = readFileSync(join(setup.folder, 'ran'), 'utf8');
    const report = await lookAtStatus(join(setup.folder, 'run'));
    const [script] = report?.scripts ?? [];
    assert.match(script?.lastExit ?? '', /is not run: every account can write ".*" \(mode 0777\)/);
    await stop();
    assert.equal(readFileSync(join(setup.folder, 'ran'), 'utf8').length, length);
    assert.equal(existsSync(join(setup.folder, 'run', 'admin.sock')), false);
  });
});

/**
 * A reaper tells of its work when its guardian is gone, where the guardian's log went. Whoever reads that,
 * or does not, it is through with all addresses before the kernel would remove them by itself.
 */

import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { makeFifo } from '../../src/linux/files.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { type Attempt, judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const VIPS = ['192.168.1.94', '192.168.1.96'] as const;
const skip = whyNoNamespaces() ?? false;

/** The down interval is 0.4 s; the kernel's own time is 2 s, counted from the reaper's beginning. */
const GONE_MS_MAX = 1900;

const KEEPALIVED = `global_defs {
    vrrp_version 3
}
${VIPS.map(
  (vip, index) => `vrrp_instance VI_${index + 1} {
    state BACKUP
    interface ${NODE_INTERFACE}
    virtual_router_id ${51 + index}
    priority 100
    advert_int 0.1
    virtual_ipaddress { ${vip}/24 }
}
`,
).join('')}`;

describe('The words of a reaper', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let reader = -1;

  async function begin(): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), 'evergate-reaper-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
    writeFileSync(join(folder, 'k.conf'), KEEPALIVED);
    makeFifo(join(folder, 'log'), 0o600);
    reader = openSync(join(folder, 'log'), constants.O_RDONLY | constants.O_NONBLOCK);
    const log = openSync(join(folder, 'log'), 'w');
    const args = ['run', '--keepalived', join(folder, 'k.conf'), '--run-dir', join(folder, 'run')];
    node.spawn(EVERGATE, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    await waitUntil('the node has both addresses', async () => (await held()) === 2);
    await waitUntil('there is a reaper', () => pidOf('reaper'));
  }

  function end(): void {
    network?.close();
    leave();
    rmSync(folder, { recursive: true, force: true });
  }
  after(end);

  const held = async (): Promise<number> => {
    const holds = await Promise.all(VIPS.map((vip) => node.holds(vip)));
    return holds.filter(Boolean).length;
  };

  const pidOf = (role: string): number | null => {
    try {
      return Number.parseInt(readFileSync(join(folder, 'run', `${role}.pid`), 'utf8'), 10);
    } catch {
      return null;
    }
  };

  const leave = (): void => {
    if (reader !== -1) closeSync(reader);
    reader = -1;
  };

  const read = (): string => {
    const chunk = Buffer.alloc(65_536);
    try {
      return chunk.toString('utf8', 0, readSync(reader, chunk));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      return '';
    }
  };

  async function assertReaps({ atMost }: Attempt): Promise<void> {
    process.kill(pidOf('guardian') ?? 0, 'SIGKILL');
    const killedAt = performance.now();
    await waitUntil('both addresses are gone', async () => (await held()) === 0);
    atMost(performance.now() - killedAt, GONE_MS_MAX, 'both addresses are gone after');
  }

  /** Each attempt has a guardian of its own. */
  const story = (what: string, body: (attempt: Attempt) => Promise<void>) =>
    it(what, async (t) => {
      await judged(t, async (attempt) => {
        await begin();
        try {
          await body(attempt);
        } finally {
          end();
        }
      });
    });

  story('are read where the log of the guardian was read', async (attempt) => {
    // Its start leaves the descriptor that both have as it is: it never blocks.
    const info = readFileSync(`/proc/${pidOf('guardian')}/fdinfo/2`, 'utf8');
    const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? '', 8);
    assert.notEqual(flags & constants.O_NONBLOCK, 0);
    await assertReaps(attempt);
    let text = '';
    const both = () => {
      text += read();
      return VIPS.every((vip) => text.includes(`The guardian is gone: removed ${vip} of "VI_`));
    };
    await waitUntil('both addresses are told of', both);
  });

  story('keep it from nothing when nobody reads the log any more', async (attempt) => {
    leave();
    await assertReaps(attempt);
  });

  story('keep it from nothing when the log is full', async (attempt) => {
    const other = openSync(join(folder, 'log'), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      assert.throws(() => {
        for (;;) writeSync(other, 'x'.repeat(512));
      }, /EAGAIN/);
      await assertReaps(attempt);
    } finally {
      closeSync(other);
    }
  });
});

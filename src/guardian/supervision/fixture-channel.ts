/** For tests: a guardian's end of a channel, and the socket at the other, a balancer's. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BalancerToGuardian, GuardianToBalancer } from '../../contracts/protocol.ts';
import { messageBytesMax, parseFromBalancer } from '../../contracts/protocol-table.ts';
import { ChildChannel } from './child-channel.ts';

export const LINE_BYTES_MAX = messageBytesMax(5);

export async function openChannel() {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-channel-'));
  const messages: BalancerToGuardian[] = [];
  const breaches: string[] = [];
  const server = createServer().listen(join(folder, 's'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const balancer = connect(join(folder, 's'));
  balancer.on('error', () => {});
  const [socket] = await accepted;
  server.close();
  const channel = new ChildChannel<BalancerToGuardian, GuardianToBalancer>(
    socket,
    LINE_BYTES_MAX,
    parseFromBalancer,
    {
      message: (message) => messages.push(message),
      breach: (why) => breaches.push(why),
    },
  );
  const close = (): void => {
    channel.close();
    balancer.destroy();
    rmSync(folder, { recursive: true, force: true });
  };
  return { balancer, channel, messages, breaches, close };
}

/** For tests: a guardian's end of a channel, and the socket at the other, a balancer's. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { BalancerToGuardian, GuardianToBalancer } from '../../contracts/protocol.ts';
import { messageBytesMax, parseFromBalancer } from '../../contracts/protocol-table.ts';
import { ChildChannel } from './child-channel.ts';

export const LINE_BYTES_MAX = messageBytesMax(5);

let opened = 0;

export async function openChannel() {
  // An abstract name (unix(7)) leaves no file behind; thousands of channels are opened.
  opened += 1;
  const path = `\0evergate-channel-${process.pid}-${opened}`;
  const messages: BalancerToGuardian[] = [];
  const breaches: string[] = [];
  const server = createServer().listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const balancer = connect(path);
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
  };
  return { balancer, channel, messages, breaches, close };
}

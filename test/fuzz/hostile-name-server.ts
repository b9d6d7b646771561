/** A name server on loopback, by UDP and TCP, that sends back whatever bytes it is told to. */

import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../kit/free-port.ts';

/** What comes back: messages, and for TCP the bytes as they are, framed or not. Nothing: silence. */
export type Reply = { readonly bytes: readonly Uint8Array[]; readonly end: boolean };

export type Way = 'udp' | 'tcp';

/** `question`: a whole message. */
export type Replies = (question: Buffer, way: Way) => Reply;

const LENGTH_BYTES = 2;
const DATAGRAM_BYTES_MAX = 65_507;
/** Of the socket: answers come in bursts. */
const BUFFER_BYTES = 1 << 20;

export class HostileNameServer {
  readonly port: number;
  readonly #datagrams: Datagrams;
  readonly #listener: Server;
  readonly #connections = new Set<Socket>();

  static async start(replies: Replies): Promise<HostileNameServer> {
    const server = new HostileNameServer(await freePort(), replies);
    await Promise.all([once(server.#datagrams, 'listening'), once(server.#listener, 'listening')]);
    server.#datagrams.setRecvBufferSize(BUFFER_BYTES);
    return server;
  }

  private constructor(port: number, replies: Replies) {
    this.port = port;
    this.#datagrams = createSocket('udp4');
    this.#datagrams.on('message', (question, from) => {
      for (const bytes of replies(question, 'udp').bytes) {
        // Who asked may be gone.
        this.#datagrams.send(bytes.subarray(0, DATAGRAM_BYTES_MAX), from.port, from.address, noop);
      }
    });
    this.#datagrams.bind(port, '127.0.0.1');
    this.#listener = createServer((connection) => this.#serve(connection, replies));
    this.#listener.listen(port, '127.0.0.1');
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#listener.close();
    this.#datagrams.close();
    await Promise.all([once(this.#listener, 'close'), once(this.#datagrams, 'close')]);
  }

  #serve(connection: Socket, replies: Replies): void {
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('error', noop);
    let unread = Buffer.alloc(0);
    connection.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes]);
      while (unread.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + unread.readUInt16BE(0);
        if (unread.length < end) break;
        const { bytes: answers, end: ends } = replies(unread.subarray(LENGTH_BYTES, end), 'tcp');
        unread = unread.subarray(end);
        for (const answer of answers) connection.write(answer);
        if (ends) connection.end();
      }
    });
  }
}

function noop(): void {
  // What a hostile server cannot send is not sent.
}

/** A real DNS server in a namespace of a test, and one that only fails: the namespace's resolv.conf names them. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkNode } from './network.ts';
import { socketsOf } from './process-figures.ts';
import { waitUntil } from './wait-until.ts';

export const NAME_SERVER = '127.0.0.53';

/** DNS response codes (RFC 1035 section 4.1.1); `silence`: no answer at all. */
const FAILURES = { servfail: 2, nxdomain: 3, refused: 5, silence: 255 } as const;
export type NameFailure = keyof typeof FAILURES;

/** Answers each question with nothing but the code, and counts them in a file, by name. */
const FAILING = `
const { createSocket } = require('node:dgram');
const { renameSync, writeFileSync } = require('node:fs');
const [, code, file] = process.argv;
const socket = createSocket('udp4');
const counts = {};
const nameIn = (question) => {
  const labels = [];
  for (let at = 12; question[at] > 0; at += question[at] + 1) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
  }
  return labels.join('.').toLowerCase();
};
socket.on('message', (question, { port, address }) => {
  const name = nameIn(question);
  counts[name] = (counts[name] ?? 0) + 1;
  writeFileSync(file + '.new', JSON.stringify(counts));
  renameSync(file + '.new', file);
  if (Number(code) > 15) return;
  const answer = Buffer.from(question);
  answer[2] |= 0x80;
  answer[3] = 0x80 | Number(code);
  socket.send(answer, port, address);
});
socket.bind(53, '${NAME_SERVER}', () => {
  writeFileSync(file + '.new', '{}');
  renameSync(file + '.new', file);
});
`;

export type Zone = {
  /** Addresses of names. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** "_api._tcp.example" -> "cp1.example,6443,0,10": host, port, priority, weight. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Seconds. */
  readonly ttl: number;
};

/** One at a time answers, all under "example". */
export class NameServers {
  readonly #node: NetworkNode;
  readonly #folder: string;
  readonly #etc: string;
  #running: ChildProcess | null = null;

  /** Before any process of the node that is to know of them is started. */
  constructor(node: NetworkNode, folder: string) {
    this.#node = node;
    this.#folder = folder;
    // ip-netns(8) puts what is there in the place of /etc.
    this.#etc = `/etc/netns/${node.namespace}`;
    mkdirSync(this.#etc, { recursive: true });
    const options = 'options timeout:1 attempts:1';
    writeFileSync(join(this.#etc, 'resolv.conf'), `nameserver ${NAME_SERVER}\n${options}\n`);
  }

  /** Names of "example" that the zone does not have do not exist. */
  async serve({ hosts, services = {}, ttl }: Zone): Promise<void> {
    await this.#stop();
    const file = join(this.#folder, 'dnsmasq.conf');
    const lines = [
      ...Object.entries(hosts).flatMap(([name, addresses]) =>
        addresses.map((address) => `host-record=${name},${address},${ttl}`),
      ),
      ...Object.entries(services).flatMap(([name, records]) =>
        records.map((record) => `srv-host=${name},${record}`),
      ),
    ];
    writeFileSync(
      file,
      `no-resolv\nno-hosts\nbind-interfaces\nlisten-address=${NAME_SERVER}\n` +
        `local=/example/\nuser=root\n${lines.join('\n')}\n`,
    );
    const args = ['--keep-in-foreground', '--pid-file=', `--conf-file=${file}`];
    this.#running = this.#node.spawn('dnsmasq', args, { stdio: 'ignore' });
    const { pid } = this.#running;
    await waitUntil('dnsmasq listens', () => listensForQuestions(pid ?? 0));
  }

  /** From now on nothing is answered but this. Returns how many questions for a name there were since. */
  async fail(failure: NameFailure): Promise<(name: string) => number> {
    await this.#stop();
    const file = join(this.#folder, 'questions');
    rmSync(file, { force: true });
    const args = ['-e', FAILING, String(FAILURES[failure]), file];
    this.#running = this.#node.spawn(process.execPath, args, { stdio: 'inherit' });
    await waitUntil('the failing name server is there', () => existsSync(file));
    return (name) => (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>)[name] ?? 0;
  }

  async close(): Promise<void> {
    await this.#stop();
    rmSync(this.#etc, { recursive: true, force: true });
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
  }
}

/** Whether this process has bound NAME_SERVER:53, as /proc/PID/net/udp shows it. */
function listensForQuestions(pid: number): boolean {
  const own = socketsOf(pid);
  const lines = readFileSync(`/proc/${pid}/net/udp`, 'utf8').split('\n');
  return lines.some((line) => {
    const [, local, , , , , , , , inode = ''] = line.trim().split(/ +/);
    return local === '3500007F:0035' && own.has(inode);
  });
}

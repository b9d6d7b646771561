/** Processes of other programs, and who has which socket open (proc(5)); as far as we may look. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProcessFacts, SocketFacts } from '../facts.ts';

const PROCESSES_MAX = 65_536;
const SOCKETS_MAX = 65_536;
const COMMAND_MAX = 200;
/** Those that a check asks about. */
const NAMED = [
  'keepalived',
  'kube-vip',
  'ucarp',
  'vrrpd',
  'uvrrpd',
  'pacemakerd',
  'haproxy',
  'kubelet',
];
const TCP_LISTENS = '0A';

export function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It has ended, or is not ours to look into.
  }
}

function link(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function processIds(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .slice(0, PROCESSES_MAX);
}

function describe(pid: string, name: string): ProcessFacts {
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  return {
    pid: Number(pid),
    name,
    command: (command === '' ? name : command).slice(0, COMMAND_MAX),
  };
}

/** In our network namespace, or where that is not to be seen. */
export function namedProcesses(): readonly ProcessFacts[] {
  const here = link('/proc/self/ns/net');
  return processIds().flatMap((pid) => {
    const name = read(`/proc/${pid}/comm`).trim();
    if (!NAMED.includes(name)) return [];
    const there = link(`/proc/${pid}/ns/net`);
    return there === null || there === here ? [describe(pid, name)] : [];
  });
}

/** Mask of the capabilities in force; null: not to be seen. */
export function capabilitiesOf(pid: number): bigint | null {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return mask === undefined ? null : BigInt(`0x${mask}`);
}

/** Soft limit of open files; null: not to be seen. */
export function openFilesMaxOf(pid: number): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(read(`/proc/${pid}/limits`))?.[1];
  return soft === undefined ? null : Number(soft);
}

type Open = Omit<SocketFacts, 'owners'> & { readonly inode: string };

/** Those of these ports. `untilMs`: by performance.now(); owners that are not found by then are left out. */
export function openSockets(ports: ReadonlySet<number>, untilMs: number): readonly SocketFacts[] {
  const open = (['tcp', 'udp'] as const)
    .flatMap((protocol) => [
      ...parseSocketTable(read(`/proc/self/net/${protocol}`), protocol),
      ...parseSocketTable(read(`/proc/self/net/${protocol}6`), protocol),
    ])
    .filter(({ port }) => ports.has(port));
  const owners = new Map<string, ProcessFacts[]>(open.map(({ inode }) => [inode, []]));
  for (const pid of open.length === 0 ? [] : processIds()) {
    if (performance.now() > untilMs) break;
    const held = new Set(descriptorsOf(pid).filter((inode) => owners.has(inode)));
    if (held.size === 0) continue;
    const owner = describe(pid, read(`/proc/${pid}/comm`).trim());
    for (const inode of held) owners.get(inode)?.push(owner);
  }
  return open.map(({ inode, ...socket }) => ({ ...socket, owners: owners.get(inode) ?? [] }));
}

/** Inodes of its sockets. */
function descriptorsOf(pid: string): readonly string[] {
  let descriptors: readonly string[] = [];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
  return descriptors.flatMap((descriptor) => {
    return /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${descriptor}`) ?? '')?.[1] ?? [];
  });
}

/** Of TCP those that listen. */
export function parseSocketTable(text: string, protocol: 'tcp' | 'udp'): readonly Open[] {
  const lines = text.split('\n').slice(1, SOCKETS_MAX);
  return lines.flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode] = line.trim().split(/\s+/);
    if (inode === undefined || (protocol === 'tcp' && state !== TCP_LISTENS)) return [];
    // A UDP socket that is connected takes only what its peer sends.
    if (protocol === 'udp' && !remote.endsWith(':0000')) return [];
    const [address = '', port = ''] = local.split(':');
    return [{ protocol, address: addressOf(address), port: Number.parseInt(port, 16), inode }];
  });
}

/** Words of 32 bits in the order of the machine, which is little-endian on all that we run on. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    [...Buffer.from(word, 'hex')].reverse(),
  );
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    Buffer.from(bytes.slice(2 * index, 2 * index + 2)).toString('hex'),
  );
  // The URL standard shortens as RFC 5952 does.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/**
 * nf_tables: looks at what it holds without running anything, by nfnetlink (the kernel's linux/netfilter/nf_tables.h),
 * and changes it by the program `nft` (nft(8), Debian: nftables), as one transaction.
 */

import { isRunnable } from './command-safety.ts';
import { ENOENT, SystemError } from './errno.ts';
import {
  decodeAttributes,
  NETLINK_NETFILTER,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_DUMP,
} from './netlink.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_GETGEN = 16;
const NFTA_GEN_ID = 1;
const NFTA_RULE_TABLE = 1;
const NFPROTO_UNSPEC = 0;
const NFPROTO_INET = 1;
const NFGENMSG_BYTES = 4;

const ABOUT = 'nf_tables';

/** Loaded when there is something to change: few machines have redirects. */
function childProcess() {
  return process.getBuiltinModule('node:child_process');
}

export class NftablesSocket {
  readonly #netlink = new NetlinkSocket(0, NETLINK_NETFILTER);

  /**
   * A number that changes with every change of any rule, whoever makes it. Throws SystemError: EPERM without
   * CAP_NET_ADMIN, EINVAL or EOPNOTSUPP where the kernel has no nf_tables.
   */
  generation(): number {
    const answer = this.#request(NFT_MSG_GETGEN, NLM_F_ACK, NFPROTO_UNSPEC, []);
    const told = answer.find(({ type }) => type === messageType(NFT_MSG_NEWGEN));
    const id = decodeAttributes(told?.payload ?? Buffer.alloc(0), NFGENMSG_BYTES).get(NFTA_GEN_ID);
    return id?.readUInt32BE(0) ?? 0;
  }

  /**
   * The rules of a table of family inet, as the kernel tells them: equal bytes are the very same rules, handles
   * and all. Empty: it has none, or is not there. Throws SystemError.
   */
  rulesOf(table: string): Buffer {
    const name = { type: NFTA_RULE_TABLE, value: Buffer.from(`${table}\0`) };
    try {
      const rules = this.#request(NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_INET, [name]);
      return Buffer.concat(rules.map(({ payload }) => payload.subarray(NFGENMSG_BYTES)));
    } catch (error) {
      if (error instanceof SystemError && error.errno === ENOENT) return Buffer.alloc(0);
      throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }

  #request(
    message: number,
    flags: number,
    family: number,
    attributes: Parameters<NetlinkSocket['request']>[3],
  ) {
    const fixed = Uint8Array.of(family, 0, 0, 0);
    return this.#netlink.request(messageType(message), flags, fixed, attributes, ABOUT);
  }
}

function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

/** Not PATH: it runs as root, and these belong to root. */
const PLACES = ['/usr/sbin/nft', '/sbin/nft', '/usr/local/sbin/nft', '/usr/bin/nft'];

/** A change waits for others that are under way in the kernel, as for a large one of kube-proxy's. */
const LIMIT_MS = 10_000;
const OUTPUT_BYTES_MAX = 1 << 20;

/** Its path; null: the machine has none. */
export function nftCommand(): string | null {
  return PLACES.find(isRunnable) ?? null;
}

/** Whether the tables are as `script` asks, all of it or nothing: what is wrong in a line, or null. */
export function applyNft(script: string): Promise<string | null> {
  const command = nftCommand();
  if (command === null) return Promise.resolve(MISSING);
  return new Promise((resolve) => {
    const options = { timeout: LIMIT_MS, maxBuffer: OUTPUT_BYTES_MAX };
    const child = childProcess().execFile(
      command,
      ['-f', '-'],
      options,
      (error, _stdout, stderr) => {
        resolve(error === null ? null : problemOf(error, stderr));
      },
    );
    // What a program that ended early did not read is told by its end.
    child.stdin?.on('error', () => {});
    child.stdin?.end(script);
  });
}

/** The same, for a process that has nothing else to do. */
export function applyNftNow(script: string): string | null {
  const command = nftCommand();
  if (command === null) return MISSING;
  try {
    const stdio = ['pipe', 'ignore', 'pipe'] as const;
    const options = { input: script, stdio: [...stdio], timeout: LIMIT_MS };
    childProcess().execFileSync(command, ['-f', '-'], { ...options, maxBuffer: OUTPUT_BYTES_MAX });
    return null;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: Buffer };
    return problemOf(error as Error, stderr?.toString() ?? '');
  }
}

const MISSING = 'the program "nft" is missing (Debian: nftables)';

/** nft names the place first: "/dev/stdin:1:1-7: Error: Could not process rule: No such file or directory". */
function problemOf(error: Error, stderr: string): string {
  const line = stderr.split('\n').find((each) => each.trim() !== '') ?? error.message;
  return `nft: ${line.replace(/^.*Error: /, '').trim()}`;
}

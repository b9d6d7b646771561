/** The real keepalived (Debian package) in a node of a test network. */

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NetworkNode, NODE_INTERFACE } from './network.ts';
import { waitUntil } from './wait-until.ts';

/** Another than Debian's may be named. */
export const KEEPALIVED = process.env.KEEPALIVED ?? 'keepalived';

export type KeepalivedOptions = {
  readonly state: 'MASTER' | 'BACKUP';
  readonly priority: number;
  readonly address: string;
  /** v2: the article's values; v3-unicast: 100 ms, with the peer's address; lines: as they stand. */
  readonly mode:
    | { readonly kind: 'v2' }
    | { readonly kind: 'v3-unicast'; readonly peer: string }
    | { readonly kind: 'lines'; readonly text: string };
};

export class Keepalived {
  readonly #directory: string;
  readonly #child: ChildProcess;
  #ended = false;

  constructor(node: NetworkNode, options: KeepalivedOptions) {
    this.#directory = mkdtempSync(join(tmpdir(), 'evergate-keepalived-'));
    const path = (name: string) => join(this.#directory, name);
    writeFileSync(path('keepalived.conf'), configText(node, options));
    this.#child = node.spawn(
      KEEPALIVED,
      [
        ...['-P', '-n', '-l', '-D', '-f', path('keepalived.conf')],
        ...['-p', path('main.pid'), '-r', path('vrrp.pid')],
      ],
      { stdio: 'ignore' },
    );
    this.#child.once('exit', () => {
      this.#ended = true;
    });
  }

  /** In order: priority 0, addresses removed. */
  async terminate(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#end();
  }

  /** Both processes at once, so that the child has no time to clean up after its parent. */
  async kill(): Promise<void> {
    const child = Number(readFileSync(join(this.#directory, 'vrrp.pid'), 'utf8'));
    this.#child.kill('SIGSTOP');
    process.kill(child, 'SIGKILL');
    this.#child.kill('SIGKILL');
    await this.#end();
  }

  async #end(): Promise<void> {
    await waitUntil('keepalived ends', () => this.#ended);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function configText(node: NetworkNode, options: KeepalivedOptions): string {
  const { state, priority, address, mode } = options;
  const transport = transportText(node, mode);
  const prefixLength = address.includes(':') ? 64 : 24;
  return `global_defs {
  router_id ${node.name}
}
vrrp_instance VI_1 {
  state ${state}
  interface ${NODE_INTERFACE}
  virtual_router_id 51
  priority ${priority}
  ${transport}
  virtual_ipaddress {
    ${address}/${prefixLength}
  }
}
`;
}

function transportText(node: NetworkNode, mode: KeepalivedOptions['mode']): string {
  switch (mode.kind) {
    case 'v2':
      return `advert_int 1
  authentication {
    auth_type PASS
    auth_pass 1111
  }`;
    case 'v3-unicast':
      return `version 3
  advert_int 0.1
  unicast_src_ip ${node.address}
  unicast_peer {
    ${mode.peer}
  }`;
    case 'lines':
      return mode.text;
  }
}

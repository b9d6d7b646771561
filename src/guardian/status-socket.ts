/**
 * The status for people who may look and change nothing: a second socket in the run directory, which the members of
 * one group may open, and which answers `GET /v1/status` alone.
 */

import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperationalError } from '../core/errors.ts';
import { giveToGroup, groupId } from '../linux/identity.ts';
import type { StatusReport } from '../stats/status.ts';
import { type HttpSocket, openSocket } from './http-socket.ts';
import { runDirError } from './run-dir.ts';

/** Lookers at one time; each answer is made within the balancer's report limit. */
const CONNECTIONS_MAX = 8;

export class StatusSocket {
  readonly #path: string;
  readonly #status: () => Promise<StatusReport>;
  readonly #onGroup: (gid: number | undefined) => void;
  #server: HttpSocket | null = null;

  /** `onGroup` is told whose members may look from now on; undefined: nobody's. */
  constructor(
    path: string,
    status: () => Promise<StatusReport>,
    onGroup: (gid: number | undefined) => void,
  ) {
    this.#path = path;
    this.#status = status;
    this.#onGroup = onGroup;
  }

  /** Opens it now. Throws OperationalError as `change` does. */
  async open(group: string | undefined): Promise<void> {
    (await this.change(group)).commit();
  }

  /**
   * Gets ready for this group, absent: nobody, as a step of a reload. Throws OperationalError 'missing-account' or
   * 'run-dir' with nothing changed.
   */
  async change(group: string | undefined): Promise<{ commit(): void; abandon(): Promise<void> }> {
    const before = this.#server;
    if (group === undefined) {
      this.#server = null;
      return {
        commit: () => {
          void before?.close();
          this.#onGroup(undefined);
        },
        abandon: async () => {
          this.#server = before;
        },
      };
    }
    const gid = groupId(group);
    if (gid === null) {
      const text = `There is no group "${group}", which is to see the status; create it`;
      throw new OperationalError('missing-account', text);
    }
    this.#server ??= await openSocket(this.#path, CONNECTIONS_MAX, (method, url) =>
      this.#answer(method, url),
    );
    return {
      // Nobody but our account could open it until now.
      commit: () => this.#giveTo(gid),
      abandon: async () => {
        if (before === null) await this.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  #giveTo(gid: number): void {
    try {
      chmodSync(this.#path, 0o600);
      giveToGroup(this.#path, gid);
      chmodSync(this.#path, 0o660);
      this.#onGroup(gid);
    } catch (error) {
      throw runDirError(dirname(this.#path), error);
    }
  }

  async #answer(method: string, url: string) {
    if (method === 'GET' && url === '/v1/status') {
      return { status: 200, body: await this.#status() };
    }
    return { status: 403, body: { error: 'Only GET /v1/status is served here' } };
  }
}

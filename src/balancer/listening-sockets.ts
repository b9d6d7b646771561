/** The listening sockets that the guardian bound: those of the start, and what reloads brought since. */

import type { InheritedListener } from '../contracts/listeners.ts';
import { assert } from '../core/assert.ts';
import { receiveDescriptors } from '../linux/descriptor-channel.ts';
import { closeFd } from '../linux/files.ts';
import type { ReloadMessage } from './lifecycle.ts';

export class ListeningSockets {
  #all: readonly InheritedListener[];
  readonly #channelFd: number;

  /** `channelFd`: where those of a reload come from. */
  constructor(all: readonly InheritedListener[], channelFd: number) {
    this.#all = all;
    this.#channelFd = channelFd;
  }

  get all(): readonly InheritedListener[] {
    return this.#all;
  }

  /**
   * Takes what a reload's channel brought; resolves its ids. Throws SystemError with nothing kept: it can be
   * done without, but not in part.
   */
  receive({ listeners, fresh }: ReloadMessage): readonly InheritedListener[] {
    const received = receiveDescriptors(this.#channelFd, fresh.length);
    const known = new Map(this.#all.map(({ id, fd }) => [id, fd]));
    for (const [index, id] of fresh.entries()) known.set(id, received[index] ?? -1);
    return listeners.map(({ id, purpose }) => {
      const fd = known.get(id) ?? -1;
      assert(fd >= 0, `listener ${id} is known or was sent`);
      return { id, fd, purpose };
    });
  }

  /** Goes on with these. Returns what closes those that are not wanted any more, once nobody uses them. */
  replace(next: readonly InheritedListener[]): () => void {
    const kept = new Set(next.map(({ fd }) => fd));
    const gone = this.#all.filter(({ fd }) => !kept.has(fd));
    this.#all = next;
    return () => {
      for (const { fd } of gone) closeFd(fd);
    };
  }
}

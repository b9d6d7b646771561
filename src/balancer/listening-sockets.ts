/** The listening sockets that the guardian bound, and gave: those of the start, and what reloads brought since. */

import type { InheritedListener } from '../contracts/listeners.ts';
import { assert } from '../core/assert.ts';
import { receiveDescriptors } from '../linux/descriptor-channel.ts';
import { closeFd } from '../linux/files.ts';
import type { ReloadMessage } from './lifecycle.ts';

export class ListeningSockets {
  #all: readonly InheritedListener[];
  readonly #channelFd: number;

  /** `channelFd`: where they come from. Throws SystemError where they do not all come. */
  constructor(all: readonly Pick<InheritedListener, 'id' | 'purpose'>[], channelFd: number) {
    const received = receiveDescriptors(channelFd, all.length);
    this.#all = all.map(({ id, purpose }, index) => ({ id, fd: received[index] ?? -1, purpose }));
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

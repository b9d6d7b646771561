/**
 * Which message may follow which: what the table of the protocol cannot say of one message alone. Pure. A balancer
 * gets ready once, serves once and only when it was asked to, and says nothing after it has failed.
 */

import type { BalancerToGuardian } from '../../contracts/protocol.ts';

export type Conversation = {
  readonly standby: boolean;
  /** It was told to serve. */
  readonly asked: boolean;
  readonly said: 'nothing' | 'prepared' | 'serving' | 'failed';
};

export function startConversation(standby: boolean): Conversation {
  return { standby, asked: !standby, said: 'nothing' };
}

/** It is told to serve from here on. */
export function askToServe(conversation: Conversation): Conversation {
  return { ...conversation, asked: true };
}

/** What is known after a message; null: it must not come here. */
export function converse(
  conversation: Conversation,
  kind: BalancerToGuardian['kind'],
): Conversation | null {
  const { said, standby, asked } = conversation;
  if (said === 'failed') return null;
  switch (kind) {
    case 'prepared':
      return standby && said === 'nothing' ? { ...conversation, said: 'prepared' } : null;
    case 'serving':
      return asked && said !== 'serving' ? { ...conversation, said: 'serving' } : null;
    case 'failed':
      return { ...conversation, said: 'failed' };
    default:
      return conversation;
  }
}

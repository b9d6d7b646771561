import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askToServe, type Conversation, converse, startConversation } from './conversation.ts';

type Kind = Parameters<typeof converse>[1];

/** Whether it may say all of it, one after the other. */
function may(start: Conversation, ...kinds: readonly Kind[]): boolean {
  let conversation: Conversation | null = start;
  for (const kind of kinds) {
    if (conversation === null) return false;
    conversation = converse(conversation, kind);
  }
  return conversation !== null;
}

describe('A balancer', () => {
  const active = startConversation(false);

  it('serves once, and speaks of its servers before and after', () => {
    assert.ok(may(active, 'log', 'servers', 'serving', 'servers', 'report', 'log'));
    assert.ok(!may(active, 'serving', 'serving'), 'its beats would be watched anew each time');
    assert.ok(!may(active, 'prepared'), 'it is no spare');
  });

  it('says nothing after it has failed', () => {
    assert.ok(may(active, 'serving', 'failed'));
    for (const kind of ['failed', 'log', 'serving', 'servers'] as const) {
      assert.ok(!may(active, 'failed', kind), kind);
    }
  });
});

describe('A spare', () => {
  const spare = startConversation(true);

  it('is ready once, and serves only when it is asked to', () => {
    assert.ok(may(spare, 'log', 'prepared', 'reload'));
    assert.ok(!may(spare, 'prepared', 'prepared'));
    assert.ok(!may(spare, 'prepared', 'serving'));
    const ready = converse(spare, 'prepared');
    assert.ok(ready !== null && may(askToServe(ready), 'serving'));
  });

  it('that was asked before it was ready may have said so, or not', () => {
    assert.ok(may(askToServe(spare), 'serving'));
    assert.ok(may(askToServe(spare), 'prepared', 'serving'), 'both were on their way');
  });
});

import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { test } from 'node:test';
import {
  duplicate,
  openDescriptorChannel,
  receiveDescriptors,
  sendDescriptors,
} from './descriptor-channel.ts';
import { closeFd, createSharedMemory } from './files.ts';

test('descriptors arrive in order, also more than one packet takes', (t) => {
  const { near, far } = openDescriptorChannel();
  const sent = Array.from({ length: 150 }, (_, index) => createSharedMemory('eg-test', index + 1));
  t.after(() => {
    for (const fd of [near, far, ...sent]) closeFd(fd);
  });
  sendDescriptors(near, sent);
  const received = receiveDescriptors(far, sent.length);
  const sizes = received.map((fd) => fstatSync(fd).size);
  for (const fd of received) closeFd(fd);
  assert.deepEqual(
    sizes,
    sent.map((_, index) => index + 1),
  );
});

test('fewer descriptors than expected are an error, and none stays open', (t) => {
  const { near, far } = openDescriptorChannel();
  const one = createSharedMemory('eg-test', 1);
  t.after(() => {
    for (const fd of [near, far, one]) closeFd(fd);
  });
  sendDescriptors(near, [one]);
  const free = duplicate(one);
  closeFd(free);
  assert.throws(() => receiveDescriptors(far, 2), { code: 'EAGAIN' });
  const again = duplicate(one);
  closeFd(again);
  assert.equal(again, free);
});

test('a channel whose other end is gone refuses', (t) => {
  const { near, far } = openDescriptorChannel();
  closeFd(far);
  t.after(() => closeFd(near));
  assert.throws(() => sendDescriptors(near, [near]), { code: 'EPIPE' });
});

import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { receiveDescriptors } from '../../linux/descriptor-channel.ts';
import { closeFd, createSharedMemory } from '../../linux/files.ts';
import { addressOf, pinnedBuffer } from '../../linux/libc.ts';
import { MSG_DONTWAIT, recvCall } from '../../linux/socket-calls.ts';
import { AF_UNIX, bindSocket, openSocket, SOCK_DGRAM } from '../../linux/sockets.ts';
import { DescriptorStore } from './descriptor-store.ts';

describe('DescriptorStore', () => {
  let folder = '';
  /** In place of the service manager. */
  let manager = -1;
  let lines: string[] = [];
  const log = (_: string, text: string) => void lines.push(text);
  const kept = (...names: readonly string[]) =>
    names.map((name) => ({ name, fd: createSharedMemory('eg-test', 1) }));
  const storeWith = (of: ReturnType<typeof kept>) =>
    new DescriptorStore({ socket: join(folder, 'notify'), watchdogMs: null, kept: of }, log);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eg-store-'));
    manager = openSocket(AF_UNIX, SOCK_DGRAM);
    bindSocket(manager, { kind: 'unix', path: join(folder, 'notify') });
    lines = [];
  });
  afterEach(() => {
    if (manager !== -1) closeFd(manager);
    rmSync(folder, { recursive: true, force: true });
  });

  /** The next message; null: there is none. */
  function heard(): string | null {
    const buffer = pinnedBuffer(4096);
    const length = recvCall(manager, addressOf(buffer), buffer.length, MSG_DONTWAIT);
    return length < 0 ? null : buffer.toString('utf8', 0, length);
  }

  const nameIn = (message: string | null): string | undefined =>
    /^FDNAME=([!-9;-~]{1,255})$/m.exec(message ?? '')?.[1];

  it('keeps copies of sockets by a name, and none from before by that name', () => {
    const store = storeWith([]);
    const fd = createSharedMemory('eg-test', 7);
    store.keep('ipv6 :: 8443 eth0', [fd]);
    const forgotten = heard();
    assert.match(forgotten ?? '', /^FDSTOREREMOVE=1\nFDNAME=/);
    const [copy = -1] = receiveDescriptors(manager, 1);
    assert.equal(fstatSync(copy).size, 7);
    store.keep('ipv6 :: 8443 eth0', [fd]);
    assert.equal(heard(), forgotten);
    const said = heard();
    assert.match(said ?? '', /^FDSTORE=1\nFDPOLL=0\nFDNAME=/);
    assert.equal(nameIn(said), nameIn(forgotten));
    store.forget('ipv6 :: 8443 eth0');
    assert.equal(heard(), forgotten);
    store.keep('ipv6 :: 8444 eth0', [fd]);
    assert.notEqual(nameIn(heard()), nameIn(forgotten));
    const path = `unix /run/${'\u{e4}'.repeat(100)}`;
    store.forget(path);
    const long = nameIn(heard());
    assert.ok(long !== undefined);
    store.forget(`${path}b`);
    assert.notEqual(nameIn(heard()), long);
    for (const each of [fd, copy]) closeFd(each);
  });

  it('gives copies of what was kept to each start, until one has come to its end', () => {
    const of = kept('a', 'b');
    const store = storeWith(of);
    for (const start of [1, 2]) {
      const copies = store.copies();
      const files = (fds: readonly number[]) => fds.map((fd) => fstatSync(fd).ino);
      assert.deepEqual(files(copies), files(of.map(({ fd }) => fd)), `start ${start}`);
      for (const fd of copies) closeFd(fd);
    }
    store.forgetRest();
    assert.deepEqual(store.copies(), []);
  });

  it('closes what nobody wants, and has it forgotten', () => {
    const of = kept('a');
    const store = storeWith(of);
    store.forgetRest();
    assert.throws(() => fstatSync(of[0]?.fd ?? 0), { code: 'EBADF' });
    assert.equal(heard(), 'FDSTOREREMOVE=1\nFDNAME=a\n');
    store.forgetRest();
    assert.equal(heard(), null);
  });

  it('says that nothing is kept when nobody listens, and needs nobody', () => {
    closeFd(manager);
    manager = -1;
    storeWith([]).forget('ipv4 0.0.0.0 8443');
    assert.match(lines.join(), /cannot keep listening sockets for a restart \(ECONNREFUSED\)/);
    new DescriptorStore(null, log).keep('ipv4 0.0.0.0 8443', [0]);
    assert.equal(lines.length, 1);
  });
});

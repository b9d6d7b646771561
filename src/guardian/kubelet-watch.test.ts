import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KubeletWatch } from './kubelet-watch.ts';

test('KubeletWatch warns of a kubelet without --node-ip, and looks once a minute', () => {
  let commands: readonly string[] = [];
  const watch = new KubeletWatch(() => commands);
  assert.equal(watch.note('10.0.0.1', 0), null);
  commands = ['/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml'];
  assert.equal(watch.note('10.0.0.1', 59_999), null);
  assert.match(watch.note('10.0.0.1', 60_000) ?? '', /without --node-ip.*VIP 10\.0\.0\.1/);
  assert.equal(watch.note(undefined, 60_001), null);
  commands = ['/usr/bin/kubelet --node-ip=10.0.0.2', 'kubelet --v 2 --node-ip 10.0.0.2 -x'];
  assert.equal(watch.note('10.0.0.1', 120_000), null);
});

test('KubeletWatch finds a process of that name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-kubelet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'kubelet');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60']);
  t.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.once('spawn', resolve));
  assert.match(new KubeletWatch().note('10.0.0.1', 0) ?? '', /kubelet runs without --node-ip/);
});

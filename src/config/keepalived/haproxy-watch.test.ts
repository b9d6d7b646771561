import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptFiles, watchesHaproxy } from './haproxy-watch.ts';

test('watchesHaproxy() recognises commands that look for haproxy or start it', () => {
  const commands = [
    ['killall', '-0', 'haproxy'],
    ['/usr/bin/killall', '-0', 'haproxy'],
    ['pidof', 'haproxy'],
    ['pgrep', '-x', 'haproxy'],
    ['bash', '-c', 'ps -C haproxy --no-header | wc -l'],
    ['sh', '-c', 'kill -0 $(cat /var/run/haproxy.pid)'],
    ['sh', '-c', 'ps aux | grep -v grep | grep haproxy'],
    ['systemctl', 'is-active', '--quiet', 'haproxy'],
    ['service', 'haproxy', 'status'],
    ['/etc/init.d/haproxy', 'status'],
  ];
  for (const argv of commands) assert.notEqual(watchesHaproxy(argv, null), null, argv.join(' '));
});

test('watchesHaproxy() looks into the script, not into its comments', () => {
  const argv = ['/etc/keepalived/watch.sh'];
  const restarts =
    '#!/bin/sh\nA=`ps -C haproxy --no-header | wc -l`\nsystemctl start haproxy.service\n';
  assert.notEqual(watchesHaproxy(argv, restarts), null);
  assert.equal(watchesHaproxy(argv, '#!/bin/sh\n# systemctl restart haproxy\nexit 0\n'), null);
});

test('watchesHaproxy() trusts a telling name, also of a missing file', () => {
  assert.notEqual(watchesHaproxy(['/etc/keepalived/check_haproxy.sh'], null), null);
  assert.notEqual(watchesHaproxy(['timeout', '2', '/opt/chk_haproxy'], null), null);
});

test('watchesHaproxy() leaves other scripts alone', () => {
  const commands = [
    ['/etc/keepalived/check_apiserver.sh'],
    ['curl', '-sf', 'http://127.0.0.1/haproxy'],
    ['killall', '-0', 'sshd'],
    ['systemctl', 'is-active', 'kubelet'],
    ['/usr/local/haproxy/bin/other'],
  ];
  for (const argv of commands) assert.equal(watchesHaproxy(argv, null), null, argv.join(' '));
});

test('scriptFiles() gives absolute paths only', () => {
  assert.deepEqual(scriptFiles(['timeout', '2', '/a.sh', 'b.sh']), ['/a.sh']);
});

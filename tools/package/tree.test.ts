import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { COMMAND_NAMES } from '../../src/commands/commands.ts';
import { GUARDIAN_CAPABILITIES } from '../../src/guardian/capabilities.ts';
import { findCommand } from '../../test/kit/peers.ts';
import { LIGHT_BUNDLE, lightBinaries } from './fixture.ts';
import { filesOf, layOut, zipped } from './tree.ts';

/** All that may be in a package, by path. */
const MAY_HOLD = [
  /^etc\/evergate\/evergate\.yaml$/,
  /^usr\/lib\/evergate\/(bin\/evergate|dist\/(main\.js|koffi\.node|node-arm64)|examples\/(article|lab)\/[\w.-]+)$/,
  /^usr\/lib\/(systemd\/system\/evergate\.service|sysusers\.d\/evergate\.conf)$/,
  /^usr\/share\/(bash-completion\/completions\/evergate|zsh\/vendor-completions\/_evergate)$/,
  /^usr\/share\/fish\/vendor_completions\.d\/evergate\.fish$/,
  /^usr\/share\/man\/(man8\/evergate\.8|man5\/evergate\.yaml\.5)\.gz$/,
  /^usr\/share\/doc\/evergate\/((how-to\/)?[\w.-]+\.md|[\w.-]+\.(json|gz))$/,
  /^usr\/share\/doc\/evergate\/(prometheus\/evergate-alerts\.yml|grafana\/evergate-dashboard\.json)$/,
];

/** For files and scripts of other accounts; and to take from a process what the unit has systemd keep. */
const NOT_IN_UNIT = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SYS_PTRACE'];

describe('layOut()', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-tree-'));
  const tree = join(folder, 'tree');
  const read = (path: string): string => readFileSync(join(tree, path), 'utf8');
  const page = (path: string): string => String(gunzipSync(readFileSync(join(tree, path))));

  before(async () => {
    mkdirSync(tree);
    const facts = { root: process.cwd(), version: '1.2.3', epoch: 1_000_000_000 };
    await layOut(tree, LIGHT_BUNDLE, lightBinaries(folder), facts);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('puts what runs where a system has it, and nothing else', () => {
    const files = filesOf(tree);
    assert.ok(files.length > 20);
    assert.deepEqual(
      files.filter((file) => !MAY_HOLD.some((pattern) => pattern.test(file))),
      [],
    );
    const documents = [
      'how-to/firewall.md',
      'runbook.md',
      'prometheus/evergate-alerts.yml',
      'grafana/evergate-dashboard.json',
    ];
    for (const file of documents) assert.ok(files.includes(`usr/share/doc/evergate/${file}`), file);
    assert.equal(readlinkSync(join(tree, 'usr/bin/evergate')), '../lib/evergate/bin/evergate');
  });

  it('has pages of all commands and keys, which man(1) reads without a warning', () => {
    const commands = page('usr/share/man/man8/evergate.8.gz');
    for (const name of COMMAND_NAMES)
      assert.match(commands, new RegExp(`^\\.SS "evergate ${name}`, 'm'));
    assert.match(commands, /^\.TH EVERGATE 8 2001-09-09 "Evergate 1\.2\.3"$/m);
    assert.match(commands, /^\.TP\n\.B kill\\-balancer\nSIGKILL to the balancer$/m);
    const keys = page('usr/share/man/man5/evergate.yaml.5.gz');
    for (const key of ['vip', 'nodes', 'admission'])
      assert.match(keys, new RegExp(`^\\.B ${key}$`, 'm'));
    if (findCommand('man') === null) return;
    for (const file of globSync('usr/share/man/*/*', { cwd: tree })) {
      const { status, stderr } = spawnSync('man', ['--warnings', '-l', join(tree, file)], {
        encoding: 'utf8',
        env: { ...process.env, MANWIDTH: '80', PAGER: 'cat' },
      });
      assert.deepEqual([status, stderr], [0, ''], file);
    }
  });

  it('completes commands, options and files in bash', () => {
    const script = resolve(tree, 'usr/share/bash-completion/completions/evergate');
    const complete = (line: string): string => {
      const words = line.split(' ');
      // What bash calls at TAB; compopt means nothing beside a terminal.
      const code = `compopt() { :; }; . ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _evergate; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', code, 'bash', ...words], {
        encoding: 'utf8',
        cwd: join(tree, 'etc/evergate'),
      }).trim();
    };
    assert.equal(complete('evergate re'), 'reload ready');
    assert.equal(complete('evergate run --hap'), '--haproxy');
    assert.equal(complete('evergate run --config ever'), 'evergate.yaml');
    assert.equal(complete('evergate run --node k'), '');
    assert.equal(complete('evergate lab cl'), 'clean');
    assert.equal(complete('evergate lab fault --j'), '--json');
    assert.equal(complete('evergate lab fault kill-b'), 'kill-balancer');
    assert.equal(complete('evergate drain n'), 'node');
    assert.equal(complete('evergate maint n'), '');
    assert.equal(complete('evergate lab logs --only e'), 'events');
  });

  for (const [shell, file] of [
    ['zsh', 'zsh/vendor-completions/_evergate'],
    ['fish', 'fish/vendor_completions.d/evergate.fish'],
  ] as const) {
    const skip = findCommand(shell) === null ? `${shell} missing` : false;
    it(`has completions that ${shell} can read`, { skip }, () => {
      execFileSync(shell, ['-n', join(tree, 'usr/share', file)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    });
  }

  const skip = findCommand('systemd-analyze') === null ? 'systemd-analyze missing' : false;
  it('has a unit that systemd takes, with the rights that an evergate.yaml needs', { skip }, () => {
    const unit = join(folder, 'evergate.service');
    const evergate = join(folder, 'evergate');
    writeFileSync(evergate, '');
    chmodSync(evergate, 0o755);
    const text = read('usr/lib/systemd/system/evergate.service');
    writeFileSync(unit, text.replaceAll('/usr/bin/evergate', evergate));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(text)?.[1]?.split(' ').sort();
    const wanted = GUARDIAN_CAPABILITIES.filter((name) => !NOT_IN_UNIT.includes(name));
    assert.deepEqual(kept, wanted.map((name) => `CAP_${name}`).sort());
  });
});

describe('zipped()', () => {
  it('gives the same bytes at any time', () => {
    // RFC 1952 section 2.3: the time is the four bytes from the fourth on.
    assert.deepEqual([...zipped('text').subarray(4, 8)], [0, 0, 0, 0]);
  });
});

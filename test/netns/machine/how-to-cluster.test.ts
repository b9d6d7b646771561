/**
 * Pages of docs/how-to in the order of a cluster's life, typed as they stand there on booted machines: three nodes run
 * under systemd, a fourth joins, all get another version and go back, one leaves and is taken off. A client asks
 * through the VIP all the time.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiserverOptions } from '../../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../../src/lab/certificates.ts';
import type { StatusReport } from '../../../src/stats/status.ts';
import { Asking } from '../../kit/machine/asking.ts';
import { installInto } from '../../kit/machine/installed.ts';
import { Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { Network, whyNoNamespaces } from '../../kit/network.ts';
import { askStatus, lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const APISERVER = resolve('src/lab/apiserver/main.ts');
const CONFIG = '/etc/evergate/evergate.yaml';
const VIP = '192.168.1.94';
const NODES = { 'k8s-master': 92, 'k8s-node1': 93, 'k8s-node2': 95, 'k8s-node3': 96 };
/** A busy machine must not move the VIP, nor miss a guardian that is started anew. */
const MORE = `vrrp: { interval: 1500ms, key: /etc/evergate/vrrp.key }\ncheck: { ca: /etc/evergate/ca.crt }\n`;
const NEWCOMER = 'k8s-node3';
const NEW_VERSION = 'evergate-0.2.0.tgz';

const skip = whyNoNamespaces() ?? whyNoMachines() ?? false;

describe('docs/how-to on booted machines', { skip, timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-how-to-'));
  const systemd = new Page('docs/how-to/systemd.md');
  const fourth = new Page('docs/how-to/fourth-node.md');
  const upgrade = new Page('docs/how-to/upgrade.md');
  const uninstall = new Page('docs/how-to/uninstall.md');
  let network: Network;
  let asking: Asking;
  const secret = `hex:${randomBytes(32).toString('hex')}\n`;
  let authorityPem = '';
  let machines: readonly Machine[] = [];

  before(async () => {
    const opt = join(folder, 'opt');
    await installInto(join(opt, 'evergate'));
    packNewVersion(opt);
    network = await Network.create();
    const authority = await createAuthority();
    authorityPem = authority.pem;
    for (const [name, last] of Object.entries(NODES)) {
      const node = await network.addNode(name, `192.168.1.${last}/24`);
      const { certificatePem, keyPem } = await createServerCertificate(authority, [
        ...[node.address, VIP],
      ]);
      const files = {
        certificateFile: join(folder, `${name}.crt`),
        keyFile: join(folder, `${name}.key`),
      };
      writeFileSync(files.certificateFile, certificatePem);
      writeFileSync(files.keyFile, keyPem, { mode: 0o600 });
      const options: ApiserverOptions = {
        ...{ node: name, nodes: Object.keys(NODES), host: '0.0.0.0', port: 6443, ...files },
      };
      node.spawn(process.execPath, [APISERVER, JSON.stringify(options)]);
    }
    machines = await Promise.all(network.nodes.map((node) => Machine.boot(node, opt)));
    const client = await network.addNode('client', '192.168.1.200/24');
    asking = new Asking(client, VIP, 8443);
  });
  after(async () => {
    await Promise.all(machines.map((machine) => machine.close()));
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As a user gets it. */
  function packNewVersion(opt: string): void {
    mkdirSync(join(opt, 'got'));
    const tarball = join(opt, 'got', NEW_VERSION);
    const names = ['--transform', 's,^evergate,package,', 'evergate'];
    execFileSync('tar', ['-C', opt, '-I', 'gzip -1', '-cf', tarball, ...names]);
  }

  const machine = (name: string): Machine => {
    const found = machines.find((each) => each.name === name);
    assert.ok(found !== undefined);
    return found;
  };

  /** What an operator has put there before. */
  function configure(one: Machine, yaml: string): void {
    mkdirSync(one.path('/etc/evergate'), { recursive: true });
    writeFileSync(one.path(CONFIG), yaml + MORE);
    writeFileSync(one.path('/etc/evergate/ca.crt'), authorityPem);
    writeFileSync(one.path('/etc/evergate/vrrp.key'), secret, { mode: 0o600 });
  }

  const report = async (one: Machine): Promise<StatusReport> =>
    await askStatus(one.path('/run/evergate'));

  async function owner(): Promise<Machine> {
    const names = await network.owners(VIP);
    assert.equal(names.length, 1, names.join());
    return machine(names[0] ?? '');
  }

  /** With the exit code that status has when all is well. */
  const healthy = (one: Machine) =>
    waitUntil(
      `${one.name} is well`,
      async () => {
        const told = await lookAtStatus(one.path('/run/evergate'));
        if (told?.verdict !== 'healthy') return false;
        return (await one.sh('bin/evergate status >/dev/null')).code === 0;
      },
      100,
    ).catch(async (error) => {
      const { stdout, stderr } = await one.sh(
        'bin/evergate status || journalctl -u evergate -n 40',
      );
      throw new Error(`${error}\n${stdout}${stderr}`);
    });

  it('runs under systemd, and its log is read', async () => {
    const yaml = fourth.text('One node more', 'yaml').replace(/^ +k8s-node3.*\n/m, '');
    const three = machines.filter(({ name }) => name !== NEWCOMER);
    await Promise.all(
      three.map(async (one) => {
        configure(one, yaml);
        await one.ran(systemd.sh('Start it'));
      }),
    );
    await Promise.all(three.map(healthy));
    const vip = await owner();
    assert.match(await vip.ran(systemd.sh('Is it well?')), /: healthy \([\s\S]*active \(running\)/);
    const [lines, boot, hour] = systemd.sh('Read the log').trim().split('\n');
    for (const line of [lines, boot, hour]) assert.match(await vip.ran(line ?? ''), / is up; /);
    await vip.ran('bin/evergate drain k8s-node1 && bin/evergate ready k8s-node1');
    for (const [what, said] of [
      ['VRRP', /-> master/],
      ['Server', /Server kube-apiserver.k8s-node1/],
      ['Started', /Started/],
    ] as const) {
      assert.match(await vip.ran(commandInTable(what)), said);
    }
    // Whether there is one or not.
    const problems = await vip.sh(commandInTable('-p warning'));
    assert.ok([0, 1].includes(problems.code), problems.stderr);

    const [backup] = three.filter((one) => one !== vip);
    assert.ok(backup !== undefined);
    writeFileSync(backup.path(CONFIG), `${yaml}${MORE}timeouts: { idle: 3h }\n`);
    await backup.ran(systemd.sh('Change the file'));
    const journal = () => backup.ran('journalctl -u evergate --no-pager');
    await waitUntil('the journal tells of the reload', async () =>
      /Reload: .* 4h -> 3h/.test(await journal()),
    ).catch(async (error) => {
      throw new Error(`${error}\n${await journal()}`);
    });
    await backup.ran(systemd.sh('Stop it'));
    assert.equal((await backup.sh('bin/evergate status')).code, 2);
    configure(backup, yaml);
    await backup.ran('systemctl start evergate');
    await healthy(backup);
    await asking.calm();
    assert.deepEqual(systemd.left(), []);
  });

  it('gets a fourth node, and no client notices', async (t) => {
    const before = await owner();
    const yaml = fourth.text('One node more', 'yaml');
    await asking.calm();
    const [known, started] = [fourth.sh('One node more', 1), fourth.sh('One node more', 2)];
    for (const one of machines.filter(({ name }) => name !== NEWCOMER)) {
      configure(one, yaml);
      const said = await one.ran(known);
      assert.match(said, /k8s-node3/);
    }
    const added = machine(NEWCOMER);
    configure(added, yaml);
    await added.ran('cp examples/evergate.service /etc/systemd/system/ && systemctl daemon-reload');
    await added.ran(started);
    const { vrrp, verdict } = await report(added);
    assert.deepEqual([verdict, vrrp[0]?.state], ['healthy', 'backup']);
    assert.equal(vrrp[0]?.master, before.node.address);
    await waitUntil('the new apiserver has clients', async () => {
      const [backend] = (await report(before)).balancer?.report?.backends ?? [];
      const server = backend?.servers.find(({ name }) => name === NEWCOMER);
      return (server?.sessionsTotal ?? 0) > 0;
    });
    const { attempts, failed, cut } = await asking.asked();
    t.diagnostic(`${failed.length} of ${attempts} failed`);
    assert.deepEqual([failed, cut], [[], []]);
    assert.equal(await owner(), before);
  });

  it('gets another version, and no client notices', async (t) => {
    const once = upgrade.sh('Once');
    const [unpack, change, wait] = [1, 2, 3].map((nth) => upgrade.sh('Each node', nth));
    const back = upgrade.sh('The way back');
    for (const one of machines) {
      await one.ran(`ln -s /opt/got/${NEW_VERSION} /root/`);
      await one.ran(once);
      await one.ran(unpack ?? '');
    }
    const changeAll = async (isBack: boolean, vip: Machine): Promise<void> => {
      for (const one of [...machines.filter((each) => each !== vip), vip]) {
        await one.ran(isBack ? back : `${change}\n${wait}`);
        const version = isBack ? '0.1.0' : '0.2.0';
        assert.equal(await runtimeOf(one), `/opt/evergate-${version}/dist`);
      }
    };
    let isBack = true;
    // A busy machine may start a guardian later than the others wait for it.
    await judged(t, async (attempt) => {
      await Promise.all(machines.map(healthy));
      const vip = await owner();
      asking.reopen();
      await asking.calm();
      isBack = !isBack;
      await changeAll(isBack, vip);
      const { attempts, failed, cut } = await asking.asked();
      t.diagnostic(`${failed.length} of ${attempts} failed, ${cut.length} were cut`);
      attempt.holds(failed.length + cut.length === 0, [...failed, ...cut].join(', '));
      attempt.holds((await owner()) === vip, 'the VIP stays');
    });
    if (!isBack) await changeAll(true, await owner());
    assert.deepEqual(upgrade.left(), []);
  });

  it('loses a node, of which nothing is left', async () => {
    const leaver = await owner();
    await leaver.ran(fourth.sh('One node less'));
    const next = await owner();
    assert.notEqual(next, leaver);
    await asking.calm();
    assert.deepEqual(fourth.left(), []);
    await leaver.ran(uninstall.sh('Take it away'));
    assert.equal(await leaver.ran(uninstall.sh('Is anything left?')), '');
    await healthy(next);
  });

  it('is taken off after a kill of everything', async () => {
    const killed = await owner();
    // systemd would start it again.
    await killed.ran(
      'mkdir /etc/systemd/system/evergate.service.d\n' +
        "printf '[Service]\\nRestart=no\\n' >/etc/systemd/system/evergate.service.d/test.conf\n" +
        'systemctl daemon-reload',
    );
    await killed.ran(uninstall.sh('It did not stop'));
    await killed.ran(uninstall.sh('Take it away'));
    assert.equal(await killed.ran(uninstall.sh('Is anything left?')), '');
    assert.deepEqual(uninstall.left(), []);
  });

  /** A command of the page's table of questions, by a part of it; a bar is escaped in tables. */
  function commandInTable(part: string): string {
    const cells = systemd
      .lines()
      .flatMap((line) => [...line.matchAll(/\| `(journalctl .*)` \|$/g)]);
    const found = cells.map(([, command = '']) => command.replaceAll('\\|', '|'));
    const command = found.find((each) => each.includes(part));
    assert.ok(command !== undefined, part);
    return command;
  }

  /** Where the runtime of its guardian lies. */
  async function runtimeOf(one: Machine): Promise<string> {
    const exe = await one.ran('readlink /proc/$(cat /run/evergate/guardian.pid)/exe');
    return dirname(exe.trim());
  }
});

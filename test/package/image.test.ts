/**
 * The container image, run as the pod that `evergate manifest` prints has it run: its first process, a root directory that
 * is read-only, those capabilities and no others, those files of the node. runc(8) is the runtime, in place of a kubelet.
 * `npm run test:package` makes the image first; the one of packaging/Containerfile is built here, without a registry.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { Page } from '../kit/machine/page.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';
import { buildImage, CONTAINERFILE_TOOLS } from './containerfile.ts';

const VIP = '192.168.1.94';
const ID = `evergate-${process.pid}`;
const [image = null] = globSync('packages/evergate-*-image-amd64.tar').sort().reverse();

const CONFIG = `vip: ${VIP}/24
listen: 443
nodes:
  k8s-master: 192.168.1.92
servers:
  one: 192.168.1.200:6443
check:
  type: tcp
vrrp:
  key: /etc/keys/vrrp.key
`;
/** In place of an apiserver. */
const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(6443)`;
const REQUEST = `
const socket = require('node:net').connect(443, '${VIP}', () => socket.write('x'));
socket.on('data', () => process.exit(0)).on('error', () => process.exit(1));
`;

type Mount = { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean };
type Volume = { readonly name: string; readonly hostPath?: { readonly path: string } };
type Probe = { readonly exec: { readonly command: readonly string[] } };
type Container = {
  readonly args: readonly string[];
  readonly securityContext: {
    readonly readOnlyRootFilesystem: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly Mount[];
};
type Pod = {
  readonly spec: { readonly containers: readonly [Container]; readonly volumes: readonly Volume[] };
};

const [deb = null] = globSync('packages/evergate_*_amd64.deb').sort().reverse();

/** What of `npm run package` it is made of, with which tools; writes a layout of OCI into a folder and names its image. */
const IMAGES = [
  { name: 'The image', made: image, tools: [], lay: unpackImage, tag: /^localhost\/evergate:\d/ },
  {
    name: 'The image of the Containerfile',
    made: deb,
    tools: CONTAINERFILE_TOOLS,
    lay: buildImage,
    tag: /^built$/,
  },
] as const;

function whyNot(made: string | null, tools: readonly string[]): string | false {
  if (made === null) return 'no package; run npm run test:package with mmdebstrap and umoci';
  const missing = ['umoci', 'runc', ...tools].filter((name) => findCommand(name) === null);
  return missing.length > 0 ? `missing: ${missing.join(', ')}` : (whyNoNamespaces() ?? false);
}

function unpackImage(made: string, layout: string): void {
  mkdirSync(layout);
  execFileSync('tar', ['-xf', made, '-C', layout]);
}

for (const { name, made, tools, lay, tag: expected } of IMAGES)
  describe(`${name} in its pod`, { skip: whyNot(made, tools), timeout: 1_200_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'eg-image-'));
    const host = (path: string): string => join(folder, 'host', path);
    let pod: Pod;
    let network: Network;
    let client: NetworkNode;
    let running: ChildProcess | null = null;
    let log = '';

    before(async () => {
      for (const path of ['etc/evergate', 'etc/keys', 'run/evergate']) {
        mkdirSync(host(path), { recursive: true });
      }
      writeFileSync(host('etc/evergate/evergate.yaml'), CONFIG);
      writeFileSync(host('etc/keys/vrrp.key'), `hex:${'5a'.repeat(32)}\n`, { mode: 0o600 });
      // As docs/how-to/static-pod.md has it, where the file lies.
      const page = new Page('docs/how-to/static-pod.md');
      execFileSync('sh', ['-c', page.sh('The manifest')], {
        cwd: host('etc/evergate'),
        env: { ...process.env, PATH: `${resolve('bin')}:${process.env.PATH}` },
      });
      assert.deepEqual(page.left(), []);
      pod = parse(readFileSync(host('etc/evergate/evergate-pod.yaml'), 'utf8'));
      const layout = join(folder, 'layout');
      lay(made ?? '', layout);
      const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
      const tag = manifests[0].annotations['org.opencontainers.image.ref.name'];
      assert.match(tag, expected);
      const unpack = ['unpack', '--image', `${layout}:${tag}`, join(folder, 'bundle')];
      execFileSync('umoci', unpack, { stdio: 'ignore' });
      network = await Network.create();
      const node = await network.addNode('a', '192.168.1.92/24');
      client = await network.addNode('client', '192.168.1.200/24');
      client.spawn(process.execPath, ['-e', SERVER]);
      asThePodSays(join(folder, 'bundle/config.json'), `/run/netns/${node.namespace}`);
    });
    after(async () => {
      if (running !== null && running.exitCode === null && running.signalCode === null) {
        await runc('delete', '--force', ID);
      }
      network?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Changes what umoci has written of a container into what a kubelet would have of the pod. */
    function asThePodSays(path: string, networkNamespace: string): void {
      const spec = JSON.parse(readFileSync(path, 'utf8'));
      const [{ args, securityContext, volumeMounts }] = pod.spec.containers;
      const { capabilities, readOnlyRootFilesystem, allowPrivilegeEscalation } = securityContext;
      assert.deepEqual(capabilities.drop, ['ALL']);
      const added = capabilities.add.map((name) => `CAP_${name}`);
      spec.process.args = [spec.process.args[0], ...args];
      spec.process.terminal = false;
      spec.process.noNewPrivileges = !allowPrivilegeEscalation;
      spec.process.capabilities = { bounding: added, effective: added, permitted: added };
      // As many open files as the runtime itself may have, which is what containerd gives.
      delete spec.process.rlimits;
      spec.root.readonly = readOnlyRootFilesystem;
      const namespaces: readonly { readonly type: string }[] = spec.linux.namespaces;
      spec.linux.namespaces = [
        ...namespaces.filter(({ type }) => !['network', 'user', 'cgroup'].includes(type)),
        { type: 'network', path: networkNamespace },
      ];
      spec.mounts.push(...volumeMounts.map((mount) => mountOf(mount)));
      writeFileSync(path, JSON.stringify(spec));
    }

    function mountOf({ name, mountPath, readOnly }: Mount) {
      const from = pod.spec.volumes.find((volume) => volume.name === name)?.hostPath?.path;
      if (from === undefined) return { destination: mountPath, type: 'tmpfs', source: 'tmpfs' };
      const options = ['bind', readOnly ? 'ro' : 'rw'];
      return { destination: mountPath, type: 'bind', source: host(from), options };
    }

    function runc(...args: readonly string[]): Promise<{ code: number; text: string }> {
      return new Promise((done) => {
        execFile('runc', args, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          done({ code, text: stdout + stderr });
        });
      });
    }

    async function inside(...command: readonly string[]): Promise<string> {
      const { code, text } = await runc('exec', ID, ...command);
      assert.equal(code, 0, `${command.join(' ')}: ${text}\n${log}`);
      return text;
    }

    it('serves the VIP as the first process of a container with what the manifest gives it', async () => {
      const args = ['run', '--bundle', join(folder, 'bundle'), ID];
      running = spawn('runc', args, {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      running.stderr?.on('data', (chunk) => {
        log += chunk;
      });
      await waitUntil('the VIP is here', async () => {
        assert.equal(running?.exitCode, null, log);
        return (await network.owners(VIP)).includes('a');
      });
      const [{ securityContext, livenessProbe }] = pod.spec.containers;
      await inside(...livenessProbe.exec.command);
      const request = client.spawn(process.execPath, ['-e', REQUEST], { stdio: 'ignore' });
      const [code] = await once(request, 'exit');
      assert.equal(code, 0, log);

      assert.match(await inside('cat', '/proc/1/comm'), /^evergate/);
      const bounding = /^CapBnd:\s+(\w+)$/m.exec(await inside('cat', '/proc/1/status'))?.[1] ?? '';
      const { length } = BigInt(`0x${bounding}`).toString(2).replaceAll('0', '');
      assert.equal(length, securityContext.capabilities.add.length);
      assert.notEqual((await runc('exec', ID, 'touch', '/etc/evergate/file')).code, 0);
      assert.notEqual((await runc('exec', ID, 'touch', '/usr/file')).code, 0);
      assert.doesNotMatch(log, /more rights than it needs|EPERM|EACCES|EROFS|error:/);
    });

    it('is ended by what ends a pod, and leaves the VIP', async () => {
      assert.equal((await runc('kill', ID, 'TERM')).code, 0);
      await waitUntil('it has ended', () => running?.exitCode ?? running?.signalCode ?? null);
      assert.equal(running?.exitCode, 0, log);
      assert.deepEqual(await network.owners(VIP), []);
    });
  });

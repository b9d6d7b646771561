/**
 * What `npm pack` makes, as a user meets it: installed from the tarball without a registry, started, and asked
 * for a page through it. Nothing of it may come from this checkout.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../kit/free-port.ts';
import { hasProgram } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** Guard against hanging. Compressing the runtime takes a processor some ten seconds. */
const PACK_MS_MAX = 400_000;
const END_MS_MAX = 60_000;

/** All that may be in a package, by path. */
const MAY_HOLD = [
  /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|sbom\.cdx\.json|bin\/evergate)$/,
  /^dist\/([\w-]+\.js|koffi\.node|node-(x64|arm64)|THIRD-PARTY-LICENSES\.txt)$/,
  /^docs\/(how-to\/)?[\w.-]+\.(md|json)$/,
  /^examples\/((article|lab)\/)?[\w.-]+$/,
  /^packaging\/(evergate\.service|prometheus\/evergate-alerts\.yml|grafana\/evergate-dashboard\.json)$/,
];
/** The runtime has 143 MiB of it; its C headers would be 67 MiB more. */
const MIB_MAX = 160;

type Done = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function run(command: string, args: readonly string[], cwd: string): Promise<Done> {
  return new Promise((done) => {
    execFile(command, args, { cwd, timeout: PACK_MS_MAX }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      done({ code, stdout, stderr });
    });
  });
}

async function ran(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, cwd);
  assert.equal(code, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const missing = ['npm', 'tar'].filter((program) => !hasProgram(program));
const skip = missing.length > 0 ? `${missing.join(', ')} missing` : false;

describe('npm pack', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-pack-'));
  const prefix = join(folder, 'prefix');
  const installed = join(prefix, 'lib/node_modules/evergate');
  const evergate = join(prefix, 'bin/evergate');
  const builtBefore = existsSync('dist');
  let tarball = '';

  before(async () => {
    const said = await ran('npm', ['pack', '--pack-destination', folder], '.');
    tarball = join(folder, said.trim().split('\n').at(-1) ?? '');
    const install = ['install', '--global', '--prefix', prefix, '--offline', '--ignore-scripts'];
    await ran('npm', [...install, tarball], folder);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
    if (!builtBefore) rmSync('dist', { recursive: true, force: true });
  });

  it('holds what runs and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    assert.ok(files.length > 20);
    const strange = files.filter((file) => !MAY_HOLD.some((pattern) => pattern.test(file)));
    assert.deepEqual(strange, []);
    for (const file of ['prometheus/evergate-alerts.yml', 'grafana/evergate-dashboard.json'])
      assert.ok(files.includes(`packaging/${file}`), file);
    const bytes = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0);
    assert.ok(bytes < MIB_MAX << 20, `${bytes} bytes`);
  });

  it('needs no other package', () => {
    assert.deepEqual(globSync('lib/node_modules/*', { cwd: prefix }), [
      'lib/node_modules/evergate',
    ]);
  });

  it('carries the licence of every package that is in it', () => {
    const text = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const bundled = globSync('dist/*.js', { cwd: installed }).flatMap((file) => {
      const code = readFileSync(join(installed, file), 'utf8');
      // esbuild notes above each module where it is from.
      const from = code.matchAll(/^\s*\/\/ node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//gm);
      return [...from].map(([, name = '']) => name);
    });
    assert.ok(new Set(bundled).size > 10);
    const without = bundled.filter((name) => !text.includes(`\n${name} `));
    assert.deepEqual([...new Set(without)], []);
    assert.match(text, /^node-linux-(x64|arm64) /m);
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    assert.equal(await ran(evergate, ['--version'], folder), `${version}\n`);
  });

  it('checks the examples that come with it', async () => {
    const examples = join(installed, 'examples');
    await ran(evergate, ['check', '--config', join(examples, 'evergate.yaml')], folder);
    const keepalived = globSync('article/keepalived.*.conf', { cwd: examples });
    assert.equal(keepalived.length, 3);
    const args = ['check', '--haproxy', 'article/haproxy.cfg', '--keepalived', ...keepalived];
    await ran(evergate, args, examples);
  });

  it('serves a request, with the runtime it carries, and stops', async (t) => {
    const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const port = await freePort();
    const config = join(folder, 'haproxy.cfg');
    writeFileSync(config, configuration(port, (server.address() as AddressInfo).port));
    const runDir = join(folder, 'run');
    const child = spawn(evergate, ['run', '--haproxy', config, '--run-dir', runDir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    try {
      await waitUntil('an answer', async () => (await ask(port)) === 'hello');
      const runtime = join(installed, 'dist', `node-${process.arch}`);
      for (const role of ['guardian', 'balancer']) {
        const pid = readFileSync(join(runDir, `${role}.pid`), 'utf8').trim();
        assert.equal(readlinkSync(`/proc/${pid}/exe`), runtime, role);
      }
      child.kill('SIGTERM');
      assert.deepEqual(await ended(child), [0, null]);
    } catch (error) {
      throw new Error(`${String(error)}; it said:\n${log}`, { cause: error });
    }
  });

  it('runs where tar(1) alone has unpacked it', async () => {
    const place = join(folder, 'unpacked');
    mkdirSync(place);
    await ran('tar', ['-xzf', tarball, '-C', place, '--strip-components=1'], folder);
    assert.match(await ran(join(place, 'bin/evergate'), ['--help'], folder), /Usage: evergate/);
  });

  it('refuses where it cannot be built', async () => {
    const checkout = join(folder, 'checkout');
    for (const path of ['package.json', 'bin', 'src/main.ts', 'tools/release']) {
      cpSync(resolve(path), join(checkout, path), { recursive: true });
    }
    // What an earlier build left must not get out.
    mkdirSync(join(checkout, 'dist'));
    writeFileSync(join(checkout, 'dist/main.js'), '');
    const { code, stderr } = await run('npm', ['pack'], checkout);
    assert.notEqual(code, 0);
    assert.match(stderr, /evergate: error: The package cannot be built: .*; run 'npm ci' in /);
    assert.deepEqual(globSync('*.tgz', { cwd: checkout }), []);
  });
});

/** A frontend on `port` before one server. */
function configuration(port: number, server: number): string {
  return `defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend clients
    bind 127.0.0.1:${port}
    default_backend servers
backend servers
    server one 127.0.0.1:${server} check
`;
}

/** What a client is sent before its connection ends; null: it is refused or cut. */
function ask(port: number): Promise<string | null> {
  return new Promise((done) => {
    let text = '';
    const client = connect(port, '127.0.0.1');
    client.on('data', (chunk) => {
      text += chunk;
    });
    client.on('error', () => done(null));
    client.on('end', () => done(text));
  });
}

/** Its exit code and signal. */
async function ended(child: ChildProcess): Promise<unknown[]> {
  return await once(child, 'exit', { signal: AbortSignal.timeout(END_MS_MAX) });
}

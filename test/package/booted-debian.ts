/**
 * A Debian that systemd has booted, in a namespace of its own network, for tests of packages: debootstrap(8) makes its
 * files once and keeps them, systemd-nspawn(1) boots a copy.
 */

import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** The programs, and the Debian packages they are in. */
const TOOLS = { debootstrap: 'debootstrap', 'systemd-nspawn': 'systemd-container' } as const;
const INCLUDED = 'systemd,systemd-sysv,dbus,iproute2,libatomic1';
/** nspawn forbids these by default; a host does not. */
const SYSTEM_CALLS =
  'pidfd_getfd landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp @resources';
const DISK_MIB = 1400;
const COMMAND_MS_MAX = 300_000;

export type Done = { readonly code: number; readonly text: string };

/** What is missing here, for a skip; false: nothing. */
export function whyNotBooted(): string | false {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = Object.entries(TOOLS).filter(([tool]) => findCommand(tool) === null);
  return missing.length > 0 && `missing: ${missing.map(([, from]) => from).join(', ')}`;
}

export class BootedDebian {
  readonly root: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #leader = 0;

  private constructor(folder: string, namespace: string) {
    this.#folder = folder;
    this.root = join(folder, 'root');
    const args = [
      ...['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe'],
      ...[`--directory=${this.root}`, `--network-namespace-path=/run/netns/${namespace}`],
      ...['--capability=CAP_NET_ADMIN,CAP_SYS_RESOURCE', `--system-call-filter=${SYSTEM_CALLS}`],
    ];
    this.#child = spawn('systemd-nspawn', args, {
      env: { ...process.env, SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' },
      stdio: 'ignore',
    });
  }

  /** Resolves when it runs. `namespace`: of ip-netns(8). Call close() in an after hook. */
  static async boot(release: string, namespace: string): Promise<BootedDebian> {
    const files = filesOf(release);
    const folder = mkdtempSync(join(tmpdir(), 'eg-booted-'));
    const root = join(folder, 'root');
    mkdirSync(root);
    // In memory, and of a size that a test can fill.
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', root]);
    execFileSync('cp', ['-a', `${files}/.`, root]);
    const booted = new BootedDebian(folder, namespace);
    try {
      await booted.#running();
    } catch (error) {
      await booted.close();
      throw error;
    }
    return booted;
  }

  /** Its first process. */
  get leader(): number {
    return this.#leader;
  }

  async #running(): Promise<void> {
    const { pid } = this.#child;
    await waitUntil('systemd is up', async () => {
      // Its first child only makes the namespaces.
      const path = `/proc/${pid}/task/${pid}/children`;
      this.#leader = Number(readFileSync(path, 'utf8').trim().split(' ')[0]);
      if (this.#leader === 0) return false;
      const { text } = await this.run('systemctl is-system-running');
      return /^(running|degraded)$/m.test(text);
    });
  }

  /** A command line of its shell; both of its outputs. */
  run(line: string): Promise<Done> {
    const args = ['-t', String(this.#leader), '-a', 'sh', '-c', line];
    const options = { timeout: COMMAND_MS_MAX, maxBuffer: 64 << 20 };
    return new Promise((done) => {
      execFile('nsenter', args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, text: stdout + stderr });
      });
    });
  }

  async close(): Promise<void> {
    // With the first process of a namespace end all of them.
    if (this.#leader > 0) process.kill(this.#leader, 'SIGKILL');
    else this.#child.kill('SIGKILL');
    await waitUntil('it has ended', () => this.#child.exitCode !== null || this.#child.signalCode);
    spawnSync('umount', ['--lazy', this.root], { stdio: 'ignore' });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Made once; takes a minute or two, and the mirror that debootstrap knows. */
function filesOf(release: string): string {
  const path = join(tmpdir(), `eg-debian-${release}`);
  if (existsSync(path)) return path;
  const work = mkdtempSync(join(tmpdir(), 'eg-debootstrap-'));
  try {
    const args = ['--variant=minbase', `--include=${INCLUDED}`, release, work];
    execFileSync('debootstrap', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    renameSync(work, path);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * A whole Debian in one of the nodes of a test: systemd, its journal, D-Bus, and the machine's own programs. It boots in
 * two seconds from an overlay over this machine's file system, with the services of none of its packages; what is
 * written there lies in memory and is gone with it. systemd-nspawn(1) boots it; the network is the node's.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, hasProgram, type NetworkNode } from '../network.ts';
import { waitUntil } from '../wait-until.ts';

/** How systemd-nspawn(1) ends with --keep-unit when its machine wants to boot again. */
const REBOOTS = 133;

/**
 * $1: a folder to mount in, $2: what /opt holds, $3: the node's name, $4: its namespace. Units of this machine's packages
 * stay out: they are links in /etc/systemd/system, which is emptied. All rights and system calls are there, as on a node.
 */
const BOOT = `
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir up work root opt opt-work
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" root
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/opt,workdir=$1/opt-work" root/opt
rm -rf root/etc/systemd/system/*
tr -d - </proc/sys/kernel/random/uuid >root/etc/machine-id
echo "$3" >root/etc/hostname
boot() {
  SYSTEMD_SECCOMP=0 setpriv --pdeathsig KILL \
    systemd-nspawn --quiet --directory="$1/root" --machine="$3" --register=no --keep-unit \
    --link-journal=no --network-namespace-path="/run/netns/$4" --kill-signal=SIGRTMIN+3 \
    --capability=all --console=pipe --boot -- --unit=basic.target
}
until boot "$@"; do
  [ $? -eq ${REBOOTS} ] || exit 1
done
`;

/** Guards against hanging, and is no verdict. */
const HANG_MS = 240_000;

/** As systemd has it for services. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** Why machines cannot be booted here, for `t.skip`; null: they can. */
export function whyNoMachines(): string | null {
  const missing = ['systemd-nspawn', 'nsenter'].filter((name) => !hasProgram(name));
  return missing.length === 0 ? null : `No program ${missing.join(', ')}`;
}

export class Machine {
  readonly node: NetworkNode;
  readonly #folder: string;
  readonly #container: ChildProcess;
  #init = 0;
  #said = '';
  readonly #onExit = () => this.#kill();

  private constructor(node: NetworkNode, opt: string) {
    this.node = node;
    this.#folder = mkdtempSync(join(tmpdir(), 'evergate-machine-'));
    const words = [this.#folder, opt, node.name, node.namespace];
    this.#container = spawn('unshare', ['--mount', 'sh', '-eu', '-c', BOOT, 'sh', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#container.stdout, this.#container.stderr]) {
      stream?.on('data', (chunk) => {
        this.#said = `${this.#said}${chunk}`.slice(-10_000);
      });
    }
    process.once('exit', this.#onExit);
  }

  /** `opt`: a folder with what its /opt holds. Resolves when it is up; call close() in an after hook. */
  static async boot(node: NetworkNode, opt: string): Promise<Machine> {
    const machine = new Machine(node, opt);
    try {
      await waitUntil(`${node.name} boots`, () => machine.#isUp(), 50);
    } catch (error) {
      await machine.close();
      throw new Error(`${String(error)}\n${machine.#said}`);
    }
    return machine;
  }

  get name(): string {
    return this.node.name;
  }

  /** Runs lines of a shell to their end, as root, where the program is installed; stops at one that fails. */
  sh(lines: string, timeoutMs = HANG_MS): Promise<CommandResult> {
    const enter = ['--target', String(this.#init), '--mount', '--uts', '--ipc', '--net', '--pid'];
    return new Promise((resolve) => {
      execFile(
        'nsenter',
        [...enter, 'sh', '-eu', '-c', `cd /opt/evergate 2>/dev/null || cd /\n${lines}`],
        { timeout: timeoutMs, maxBuffer: 16 << 20, env: ENVIRONMENT },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  }

  /** As sh(), and throws what was said where it fails; what it printed. */
  async ran(lines: string, timeoutMs?: number): Promise<string> {
    const { code, stdout, stderr } = await this.sh(lines, timeoutMs);
    if (code === 0) return stdout;
    throw new Error(`${this.name}: code ${code} of\n${lines}\n${stdout}${stderr}`);
  }

  /** Cuts its power: nothing in it is told. Resolves when it has booted again, with the files it had. */
  async powerCycle(): Promise<void> {
    const before = this.#init;
    // The kernel ends all of its processes; systemd-nspawn starts its first one anew.
    await this.sh('systemctl reboot --force --force');
    await waitUntil(
      `${this.name} boots again`,
      async () => (await this.#isUp()) && this.#init !== before,
      50,
    );
  }

  /** Where a path of the machine is seen from here. */
  path(inside: string): string {
    return join('/proc', String(this.#init), 'root', inside);
  }

  /** Powers it off; nothing of it is left. May be called twice. */
  async close(): Promise<void> {
    const container = this.#container;
    if (container.exitCode === null && container.signalCode === null) {
      const ended = new Promise((resolve) => container.once('exit', resolve));
      this.#kill();
      await ended;
    }
    process.removeListener('exit', this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** All of its processes end with its first one, and then so does who has booted it. */
  #kill(): void {
    if (this.#init === 0) this.#container.kill('SIGKILL');
    else if (existsSync(`/proc/${this.#init}`)) process.kill(this.#init, 'SIGKILL');
  }

  async #isUp(): Promise<boolean> {
    if (this.#container.exitCode !== null) throw new Error('systemd-nspawn ended');
    const nspawn = firstChild(this.#container.pid ?? 0);
    this.#init = nspawn === 0 ? 0 : firstChild(nspawn);
    if (this.#init === 0) return false; // Not begun, or between two boots.
    return (await this.sh('systemctl is-active --quiet basic.target')).code === 0;
  }
}

/** 0: it has none. */
function firstChild(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
  } catch {
    return 0; // It has ended.
  }
}

/**
 * What a lab has made, on disk: whoever comes after a crash finds there what to remove. One directory
 * per lab under /run/evergate-lab, or under the temporary directory for a user who may not write there.
 */

import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { LabError } from './lab-error.ts';
import { identify, isRunning, type ProcessIdentity } from './processes.ts';

export type LabState = {
  readonly id: string;
  readonly kind: 'cluster' | 'single';
  readonly lab: ProcessIdentity;
  /** Processes outside the lab's namespaces. Those inside are found by their namespace. */
  readonly processes: readonly ProcessIdentity[];
  /** Directories of the host that the lab made because a file of a node names them. */
  readonly hostDirectories: readonly string[];
};

const ID_BYTES = 2;
const ID_ATTEMPTS = 20;

/** Where labs keep their directories. */
export function labsRoot(): string {
  try {
    accessSync('/run', constants.W_OK);
    return '/run/evergate-lab';
  } catch {
    return join(tmpdir(), `evergate-lab-${userInfo().uid}`);
  }
}

/** The state of a lab and its file; `update` writes at once. */
export class StateFile {
  readonly directory: string;
  #state: LabState;

  private constructor(directory: string, state: LabState) {
    this.directory = directory;
    this.#state = state;
  }

  /** A directory of its own for a new lab. */
  static create(root: string, kind: LabState['kind']): StateFile {
    const lab = identify(process.pid);
    if (lab === null) throw new LabError('/proc is not mounted; the lab needs it');
    mkdirSync(root, { recursive: true, mode: 0o755 });
    for (let attempt = 0; attempt < ID_ATTEMPTS; attempt++) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const directory = join(root, id);
      if (mkdirSync(directory, { recursive: true, mode: 0o755 }) === undefined) continue;
      const file = new StateFile(directory, { id, kind, lab, processes: [], hostDirectories: [] });
      file.update({});
      return file;
    }
    throw new LabError(
      `No free lab name under "${root}"; remove old ones with "evergate lab clean"`,
    );
  }

  get state(): LabState {
    return this.#state;
  }

  update(change: Partial<LabState>): void {
    this.#state = { ...this.#state, ...change };
    writeFileSync(join(this.directory, 'state.json'), `${JSON.stringify(this.#state, null, 2)}\n`);
  }
}

export type FoundLab = {
  readonly directory: string;
  /** null: the file was not written to its end; there is only the directory. */
  readonly state: LabState | null;
  /** Its process is still there. */
  readonly running: boolean;
};

/** Every lab that has a directory under `root`. */
export function findLabs(root: string): FoundLab[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  return names.map((name) => {
    const directory = join(root, name);
    const state = readState(directory);
    return { directory, state, running: state !== null && isRunning(state.lab) };
  });
}

function readState(directory: string): LabState | null {
  try {
    return JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'));
  } catch {
    return null;
  }
}

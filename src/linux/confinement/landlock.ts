/**
 * What of the file system a thread, and all it starts from then on, may open: landlock(7). Beside that it ends no
 * process but those that are held the same. What is open already stays so; names may still be looked up, and unix
 * sockets connected to.
 */

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { ENOENT, ENOSYS, ENOTDIR } from '../errno.ts';
import { addressOf, bind, errno } from '../libc.ts';

const systemCall = bind<[number, number, number, number, number]>('int64_t', 'syscall', [
  'int64_t',
  'int64_t',
  'int64_t',
  'int64_t',
  'int64_t',
]);

/** The same on every architecture. */
const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;

const ASK_VERSION = 1;
const ASK_ERRATA = 2;
const RULE_PATH_BENEATH = 1;
/** Newer than Node's constants. */
const O_PATH = 0x20_0000;

const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const REMOVE_FILE = 1 << 5;
const MAKE_DIR = 1 << 7;
const MAKE_REG = 1 << 8;
const REFER = 1 << 13;
const TRUNCATE = 1 << 14;
const IOCTL_DEV = 1 << 15;
/** What a rule on something other than a directory may say. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/** By the version that brought them: how many kinds of access a kernel knows, from bit 0 on. */
const KINDS_BY_VERSION = [0, 13, 14, 15, 15, 16] as const;
const VERSION_WITH_SCOPES = 6;
const SCOPE_SIGNAL = 1 << 1;
/** Before it was mended, a thread was held from signals to threads of its own process: glibc's setuid() needs them. */
const ERRATUM_OF_SIGNALS = 1 << 1;

const ACCESS = {
  read: READ_FILE | READ_DIR,
  write: READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE,
} as const;

/** Whoever may `write` may read, and make and remove files and folders. */
export type Granted = { readonly path: string; readonly access: keyof typeof ACCESS };

/**
 * Nothing but what is granted, and what lies beneath it; a path that does not exist grants nothing. For good: of
 * this thread and those it starts, after no_new_privs (rights.ts). 0 or the errno: ENOSYS or EOPNOTSUPP where the
 * kernel has no Landlock. Throws what opening a path throws.
 */
export function restrictFiles(granted: readonly Granted[]): number {
  const version = systemCall(CREATE_RULESET, 0, 0, ASK_VERSION, 0);
  if (version < 1) return errno() || ENOSYS;
  const handled = (1 << (KINDS_BY_VERSION[version] ?? KINDS_BY_VERSION.at(-1) ?? 0)) - 1;
  const ruleset = createRuleset(version, handled);
  if (ruleset < 0) return errno();
  try {
    for (const each of granted) {
      const failed = addRule(ruleset, each, handled);
      if (failed !== 0) return failed;
    }
    return systemCall(RESTRICT_SELF, ruleset, 0, 0, 0) === 0 ? 0 : errno();
  } finally {
    closeSync(ruleset);
  }
}

/** struct landlock_ruleset_attr, as long as the kernel knows it. */
function createRuleset(version: number, handled: number): number {
  const scopes = version >= VERSION_WITH_SCOPES;
  const errata = scopes ? systemCall(CREATE_RULESET, 0, 0, ASK_ERRATA, 0) : 0;
  const attributes = Buffer.alloc(scopes ? 24 : 8);
  attributes.writeUInt32LE(handled, 0);
  if (errata > 0 && (errata & ERRATUM_OF_SIGNALS) !== 0) attributes.writeUInt32LE(SCOPE_SIGNAL, 16);
  return systemCall(CREATE_RULESET, addressOf(attributes), attributes.length, 0, 0);
}

/** struct landlock_path_beneath_attr, which is packed. */
function addRule(ruleset: number, { path, access }: Granted, handled: number): number {
  const fd = openIfThere(path);
  if (fd === null) return 0;
  try {
    const allowed = ACCESS[access] & handled & (fstatSync(fd).isDirectory() ? -1 : OF_FILES);
    const rule = Buffer.alloc(12);
    rule.writeUInt32LE(allowed, 0);
    rule.writeInt32LE(fd, 8);
    const result = systemCall(ADD_RULE, ruleset, RULE_PATH_BENEATH, addressOf(rule), 0);
    return result === 0 ? 0 : errno();
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, O_PATH | constants.O_RDONLY);
  } catch (error) {
    const { errno: number = 0 } = error as NodeJS.ErrnoException;
    if ([ENOENT, ENOTDIR].includes(-number)) return null;
    throw error;
  }
}

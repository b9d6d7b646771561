/** `evergate key`: a new key that signs advertisements (docs/vrrp-authentication.md), and what to do with it. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { OperationalError } from '../core/errors.ts';
import { errorName, errorText } from '../linux/errno.ts';
import { print } from './printing.ts';

const DEFAULT_PATH = '/etc/evergate/vrrp.key';
/** As much as the digest that it keys: more adds nothing (RFC 2104 section 3). */
const KEY_BYTES = 32;
/** Its owner alone. */
const MODE = 0o600;

export function keyCommand(): Command {
  return new Command('key').argument('[file]', 'where to', DEFAULT_PATH).action((file: string) => {
    const path = resolve(file);
    writeKey(path, `hex:${randomBytes(KEY_BYTES).toString('hex')}\n`);
    print(nextSteps(path));
  });
}

/** What is there already, be it a link, is left alone. */
function writeKey(path: string, text: string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags, MODE);
  } catch (error) {
    throw new OperationalError('key-file', explain(path, error));
  }
  try {
    // Whatever the umask takes away, its owner can read it.
    fchmodSync(fd, MODE);
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(path);
    throw new OperationalError('key-file', explain(path, error));
  } finally {
    closeSync(fd);
  }
}

function explain(path: string, error: unknown): string {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return `"${path}" exists and is left as it is: name another file, or remove it if no node uses it`;
  }
  const hint = code === 'ENOENT' ? ': make its folder first' : '';
  return `"${path}" cannot be written: ${errorText(-errno)} (${errorName(-errno)})${hint}`;
}

function nextSteps(path: string): string {
  return `${path} holds a new key. Next:

1. Copy it to the same place on every node, readable by root alone:

     scp -p ${path} root@NODE:${path}

2. Say so in the evergate.yaml of every node:

     vrrp:
       key: ${path}

   Nodes with a key and nodes without do not believe each other: a cluster that runs already goes there in
   three steps, with "key-mode: receive-only" first (docs/vrrp-authentication.md).
`;
}

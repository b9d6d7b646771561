/** Reads the keys that sign advertisements into the VRRP configuration, from the files it names. */

import { statSync } from 'node:fs';
import type { Diagnostic } from '../config/diagnostics.ts';
import type { SignatureKeyConfig, VrrpConfig } from '../config/model/vrrp.ts';
import { parseSecret } from '../vrrp/signature.ts';
import { readText } from './read-text.ts';

/** A key has 64 bytes at most; twice that in digits. */
const FILE_BYTES_MAX = 4096;
/** Bits of group and others (inode(7)). */
const MODE_OTHERS = 0o077;

export type ReadKeys = {
  readonly config: VrrpConfig;
  /** An error per file that holds no key; a warning for one that others may read. */
  readonly diagnostics: readonly Diagnostic[];
};

/** `file` is the configuration file, for messages. */
export function readKeyFiles(file: string, config: VrrpConfig): ReadKeys {
  const diagnostics: Diagnostic[] = [];
  const report = (severity: Diagnostic['severity'], path: string, problem: string): void => {
    const text = `The key file "${path}" ${problem}`;
    const code = severity === 'error' ? 'unreadable-file' : 'bad-value';
    diagnostics.push({ file, line: 0, column: 0, severity, text, code });
  };
  const read = (key: SignatureKeyConfig): SignatureKeyConfig => {
    const { path } = key;
    if (path === null) return key;
    const found = readText(path, FILE_BYTES_MAX);
    if (!('text' in found)) {
      report('error', path, found.problem);
      return key;
    }
    const secret = parseSecret(found.text);
    if (!secret.ok) {
      report('error', path, secret.reason);
      return key;
    }
    if (((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & MODE_OTHERS) !== 0) {
      report('warning', path, 'may be read by others than its owner: "chmod 600" it');
    }
    return { ...key, secret: found.text };
  };
  const instances = config.instances.map((instance) => {
    const { signature } = instance;
    if (signature === undefined) return instance;
    return { ...instance, signature: { ...signature, keys: signature.keys.map(read) } };
  });
  return { config: { ...config, instances }, diagnostics };
}

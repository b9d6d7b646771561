/**
 * Reads the certificates, keys and tokens that health checks need into the configuration: the balancer has
 * given up the right to read them when its checks begin.
 */

import { nodeCrypto, nodeTls } from '../builtins.ts';
import type { Diagnostic } from '../config/diagnostics.ts';
import type { CheckTls, FileText } from '../config/model/checks.ts';
import type { BalancerConfig } from '../config/model/config.ts';
import { checkKindOf } from '../health/kinds/check-kinds.ts';
import { readText } from './read-text.ts';

/** Larger files are neither certificates nor tokens; a bundle of all authorities is about 250 kB. */
const FILE_BYTES_MAX = 1024 * 1024;

export type ReadConfig = {
  readonly config: BalancerConfig;
  /** One error per file that cannot be used. */
  readonly diagnostics: readonly Diagnostic[];
};

/** `file` is the configuration file, for messages. */
export function readCheckFiles(file: string, config: BalancerConfig): ReadConfig {
  const reader = new Reader();
  const files = {
    fillTls: (tls: CheckTls) => fillTls(reader, tls),
    fillText: (named: FileText) => reader.read(named),
  };
  const backends = config.backends.map((backend) => ({
    ...backend,
    servers: backend.servers.map((server) => ({
      ...server,
      check:
        server.check === null
          ? null
          : checkKindOf(server.check.kind).withFiles(server.check, files),
    })),
  }));
  const diagnostics = [...reader.problems].map(
    ([path, problem]): Diagnostic => ({
      file,
      line: 0,
      column: 0,
      severity: 'error',
      text: `The file "${path}", which health checks need, ${problem}`,
      code: 'unreadable-file',
    }),
  );
  return { config: { ...config, backends }, diagnostics };
}

class Reader {
  readonly #texts = new Map<string, string | null>();
  /** By path. */
  readonly problems = new Map<string, string>();

  /** Each file is read once, however many servers name it. */
  read({ path, text }: FileText): FileText {
    if (text !== null) return { path, text };
    const known = this.#texts.get(path);
    if (known !== undefined) return { path, text: known };
    const found = this.#readText(path);
    this.#texts.set(path, found);
    return { path, text: found };
  }

  /** A key may lie in a file of its own beside the certificate (HAProxy: `crt`). */
  readKey(cert: FileText, key: FileText): FileText {
    const same = key.path === cert.path;
    if (
      !same ||
      key.text !== null ||
      cert.text === null ||
      cert.text.includes('PRIVATE KEY-----')
    ) {
      return this.read(key);
    }
    return this.read({ path: `${key.path}.key`, text: null });
  }

  #readText(path: string): string | null {
    const read = readText(path, FILE_BYTES_MAX);
    if ('text' in read) return read.text;
    const fix = read.kind === 'missing' ? '; correct the path' : '';
    this.problems.set(path, `${read.problem}${fix}`);
    return null;
  }
}

function fillTls(reader: Reader, tls: CheckTls): CheckTls {
  const ca = tls.ca === null ? null : reader.read(tls.ca);
  if (ca !== null && ca.text !== null) {
    const { path, text } = ca;
    tryOut(
      reader,
      path,
      'holds no usable certificate',
      () => new (nodeCrypto().X509Certificate)(text),
    );
  }
  if (tls.certificate === null) return { ...tls, ca };
  const cert = reader.read(tls.certificate.cert);
  const key = reader.readKey(cert, tls.certificate.key);
  if (cert.text !== null && key.text !== null) {
    const pair = { cert: cert.text, key: key.text };
    const problem = `and "${key.path}" are no certificate and its key`;
    tryOut(reader, cert.path, problem, () => nodeTls().createSecureContext(pair));
  }
  return { ...tls, ca, certificate: { cert, key } };
}

function tryOut(reader: Reader, path: string, problem: string, use: () => unknown): void {
  try {
    use();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    reader.problems.set(path, `${problem}: ${why}`);
  }
}

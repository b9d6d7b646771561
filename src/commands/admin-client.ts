/** Asks a running guardian over the admin socket of its run directory. */

import { join } from 'node:path';
import { nodeHttp } from '../builtins.ts';
import {
  ADMIN_SOCKET_FILE,
  DEFAULT_CONFIG,
  DEFAULT_RUN_DIR,
  STATUS_SOCKET_FILE,
} from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { isNotFilledIn } from '../setup/write-config.ts';

/** The guardian answers within its own limit for the balancer; more means that it hangs. */
const ANSWER_LIMIT_MS = 3000;

export const STATUS_PATH = '/v1/status';

/**
 * The JSON it answers with. Throws OperationalError: those of exchangeWithGuardian(), and refused with its reason when it
 * says no.
 */
export async function askGuardian(
  runDir: string,
  method: 'GET' | 'POST',
  path: string,
): Promise<unknown> {
  const { status, body } = await exchangeWithGuardian(runDir, method, path, ANSWER_LIMIT_MS);
  if (status === 200) return body;
  const reason = (body as { readonly error?: string }).error ?? `status ${status}`;
  throw new OperationalError('refused', reason);
}

/**
 * Its answer whatever the status. Throws OperationalError 'not-running' where nobody listens, 'not-answering' where somebody
 * does and there is no answer in time, 'no-right' where this account may not ask.
 */
export async function exchangeWithGuardian(
  runDir: string,
  method: 'GET' | 'POST',
  path: string,
  limitMs: number,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const ask = (file: string) => exchange(join(runDir, file), method, path, limitMs);
    const { status, body } = await ask(ADMIN_SOCKET_FILE).catch((error) => {
      // Who may not do everything may still look.
      if (!isDenied(error) || path !== STATUS_PATH) throw error;
      return ask(STATUS_SOCKET_FILE).catch(() => {
        throw error;
      });
    });
    return { status, body: JSON.parse(body) };
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, runDir);
  }
}

function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  limitMs: number,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    // Without an agent: a connection that it kept may have been closed when it is used again.
    const options = { socketPath, method, path, timeout: limitMs, agent: false } as const;
    const asking = nodeHttp().request(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    asking.on('timeout', () =>
      asking.destroy(new Error(`The guardian does not answer within ${limitMs} ms`)),
    );
    asking.on('error', reject);
    asking.end();
  });
}

function explained(error: NodeJS.ErrnoException, runDir: string): OperationalError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    const next =
      runDir === DEFAULT_RUN_DIR && isNotFilledIn(DEFAULT_CONFIG)
        ? `"${DEFAULT_CONFIG}" is not filled in yet, and nothing starts before: "evergate init" asks for what belongs there`
        : 'start it with "systemctl start evergate" or "evergate run", or name its --run-dir';
    return new OperationalError('not-running', `Evergate is not running with "${runDir}"; ${next}`);
  }
  if (isDenied(error)) {
    const text =
      `This account has no right to ask "${runDir}"; run it as root, or, for the status, as a member of the group that ` +
      '"status-group" of evergate.yaml or --status-group of "evergate run" names';
    return new OperationalError('no-right', text);
  }
  return new OperationalError('not-answering', error.message);
}

/**
 * The HTTP check: an answer as expected passes (HAProxy: `option httpchk`, `http-check`).
 *
 * Where it keeps its connection, a server sees one handshake for many checks, and its log no connection
 * that comes and goes. A kept connection that the server closed meanwhile is no failure: the request is
 * made once more over a new one. After some minutes it is renewed anyway, to see the server's certificate.
 */

import type { Socket } from 'node:net';
import type { HttpCheckRequest } from '../../config/model/checks.ts';
import type { CertificateFacts } from '../../health/certificate-warnings.ts';
import { parseHttpResponse, RESPONSE_BYTES_MAX } from '../../health/http-response.ts';
import { type HttpVerdict, judgeHttp } from '../../health/http-verdict.ts';
import type { HttpCheckConfig } from '../../health/kinds/http.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { Check, CheckTarget, Finding } from './check.ts';
import {
  type Attempt,
  closeGently,
  NO_ATTEMPT,
  type Opened,
  openConnection,
} from './open-connection.ts';
import { exchangeFailure } from './socket-errors.ts';
import { tlsFacts } from './tls-settings.ts';

const KEPT_MS_MAX = 600_000;

type Connection = Opened & { readonly openedAt: number };

/** `release` takes its listeners off. */
type Kept = { readonly connection: Connection; readonly release: () => void };

/** How a request over an open connection ended. */
type ExchangeOutcome = {
  readonly finding: Finding;
  /** Another request may follow. */
  readonly reusable: boolean;
  /** The connection ended before a byte came: nothing is said about the server. */
  readonly unanswered: boolean;
};

export function createHttpCheck(config: HttpCheckConfig, target: CheckTarget): Check {
  return new HttpCheck(config, target);
}

class HttpCheck implements Check {
  readonly #config: HttpCheckConfig;
  readonly #target: CheckTarget;
  readonly #request: string;
  #kept: Kept | null = null;
  #attempt: Attempt = NO_ATTEMPT;

  constructor(config: HttpCheckConfig, target: CheckTarget) {
    this.#config = config;
    this.#target = target;
    this.#request = requestText(config.request, target, config.keepConnection);
  }

  run(done: (result: CheckResult) => void): void {
    const startedAt = performance.now();
    const finish = (finding: Finding, certificate: CertificateFacts | null): void => {
      const seen = certificate === null ? {} : tlsFacts(certificate, Date.now());
      const warnings = [...(finding.warnings ?? []), ...(seen.warnings ?? [])];
      const told =
        finding.warnings === undefined && seen.warnings === undefined ? {} : { warnings };
      done({ ...finding, ...seen, ...told, durationMs: performance.now() - startedAt });
    };
    const kept = this.#takeKept();
    if (kept === null) this.#open(startedAt, finish);
    else this.#ask(kept, startedAt, finish, () => this.#open(startedAt, finish));
  }

  expire(): void {
    this.#attempt.expire();
  }

  close(): void {
    this.#attempt.cancel();
    this.#attempt = NO_ATTEMPT;
    const kept = this.#takeKept();
    if (kept !== null) closeGently(kept.socket);
  }

  #open(
    startedAt: number,
    finish: (finding: Finding, facts: CertificateFacts | null) => void,
  ): void {
    const { tls, connectTimeoutMs } = this.#config;
    const leftMs = Math.max(1, connectTimeoutMs - (performance.now() - startedAt));
    this.#attempt = openConnection(this.#target, tls, leftMs, (outcome) => {
      if (outcome.kind === 'failed') finish(outcome.finding, null);
      else this.#ask({ ...outcome.opened, openedAt: performance.now() }, startedAt, finish, null);
    });
  }

  #ask(
    connection: Connection,
    startedAt: number,
    finish: (finding: Finding, facts: CertificateFacts | null) => void,
    again: (() => void) | null,
  ): void {
    const { connectTimeoutMs, responseTimeoutMs } = this.#config;
    const leftMs = connectTimeoutMs - (performance.now() - startedAt);
    const timeoutMs = Math.max(1, responseTimeoutMs ?? leftMs);
    const { socket, certificate } = connection;
    this.#attempt = exchange(socket, this.#request, this.#config, timeoutMs, (outcome) => {
      if (outcome.unanswered && again !== null) {
        socket.destroy();
        again();
        return;
      }
      if (outcome.reusable) this.#keep(connection);
      else if (outcome.finding.status === 'L7TOUT') socket.destroy();
      else closeGently(socket);
      finish(outcome.finding, certificate);
    });
  }

  #keep(connection: Connection): void {
    const { socket } = connection;
    const release = (): void => {
      this.#kept = null;
      socket.off('data', drop).off('end', drop).off('close', drop);
    };
    // Whatever comes unasked ends it.
    const drop = (): void => {
      release();
      closeGently(socket);
    };
    this.#kept = { connection, release };
    socket.on('data', drop).on('end', drop).on('close', drop);
  }

  #takeKept(): Connection | null {
    const kept = this.#kept;
    if (kept === null) return null;
    kept.release();
    const { socket, openedAt } = kept.connection;
    if (performance.now() - openedAt < KEPT_MS_MAX && socket.writable) return kept.connection;
    closeGently(socket);
    return null;
  }
}

/** One request and its answer. `done` is called exactly once, unless it is cancelled; the socket is destroyed then. */
function exchange(
  socket: Socket,
  request: string,
  config: HttpCheckConfig,
  timeoutMs: number,
  done: (outcome: ExchangeOutcome) => void,
): Attempt {
  let text = '';
  let verdict: HttpVerdict | null = null;
  let settled = false;
  const settle = (finding: Finding, reusable: boolean, unanswered: boolean): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
    done({ finding, reusable, unanswered });
  };
  const invalid: Finding = { status: 'L7RSP', passed: false, info: '' };
  const read = (ended: boolean): void => {
    const parsed = parseHttpResponse(text, ended, config.request.method === 'HEAD');
    if (parsed.kind === 'partial') return;
    if (parsed.kind === 'invalid') {
      settle(invalid, false, text === '');
      return;
    }
    const { response } = parsed;
    verdict = judgeHttp(config, response);
    // To be kept, a connection must have come to the end of the answer.
    if (verdict === null || (config.keepConnection && !response.complete)) return;
    settle(verdict, config.keepConnection && response.reusable, false);
  };
  const onData = (chunk: string): void => {
    text = (text + chunk).slice(0, RESPONSE_BYTES_MAX);
    read(false);
  };
  const onEnd = (): void => read(true);
  const onError = (error: Error): void => {
    settle(verdict ?? exchangeFailure(error), false, text === '');
  };
  const expire = (): void => {
    settle(verdict ?? { status: 'L7TOUT', passed: false, info: '' }, false, false);
  };
  const timer = setTimeout(expire, timeoutMs);
  socket.setEncoding('latin1');
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
  socket.write(request, 'latin1');
  const cancel = (): void => {
    settled = true;
    clearTimeout(timer);
    socket.destroy();
  };
  return { cancel, expire };
}

/** RFC 9112 section 3. HAProxy leaves "Host" to the file; without it a server refuses HTTP/1.1. */
function requestText(request: HttpCheckRequest, target: CheckTarget, keep: boolean): string {
  const { method, uri, version, headers, body, token } = request;
  const given = new Set(headers.map(({ name }) => name.toLowerCase()));
  const lines = [`${method} ${uri} HTTP/${version}`];
  const add = (name: string, value: string): void => {
    if (!given.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  };
  if (version === '1.1') {
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    add('Host', `${host}:${target.port}`);
    if (!keep) add('Connection', 'close');
  } else if (keep) {
    add('Connection', 'keep-alive');
  }
  if (token?.text != null) add('Authorization', `Bearer ${token.text.trim()}`);
  for (const { name, value } of headers) lines.push(`${name}: ${value}`);
  if (body !== '') add('Content-Length', String(Buffer.byteLength(body, 'latin1')));
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

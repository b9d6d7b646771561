/** Asks each server over TLS as a client would, and looks at its certificate. It trusts nobody and tells nothing. */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { nodeHttp, nodeTls } from '../../builtins.ts';
import type { Config } from '../../config/model/config.ts';
import type { ServerConfig } from '../../config/model/traffic.ts';
import { addressWithPort } from '../../core/ip-address.ts';
import type { ApiserverFacts } from '../facts.ts';

const SERVERS_MAX = 64;
const READYZ = '/readyz';
/** A server that is checked by a bare connect is taken for an apiserver by its port. */
const APISERVER_PORT = 6443;

export function askApiservers(config: Config, limitMs: number): Promise<readonly ApiserverFacts[]> {
  const vips = (config.vrrp?.instances ?? []).flatMap(({ addresses }) =>
    addresses.map(({ address }) => address),
  );
  const servers = (config.balancer?.backends ?? []).flatMap((backend) =>
    backend.servers
      // One without a port has it from a name service, and "disabled" is meant to be away.
      .filter((server) => server.port !== 0 && !server.disabled)
      .map((server) => ({ backend, server })),
  );
  return Promise.all(
    servers.slice(0, SERVERS_MAX).map(async ({ backend, server }) => {
      const name = `${backend.name}/${server.name}`;
      const path = pathOf(server);
      const tls = server.check !== null && 'tls' in server.check ? server.check.tls : null;
      const names = [...new Set([...vips, ...(tls?.clientNames ?? [])])];
      return { name, path, ...(await ask(server, path, names, limitMs)) };
    }),
  );
}

function pathOf({ check, port }: ServerConfig): string {
  if (check?.kind === 'http' && check.tls !== null) return check.request.uri;
  return port === APISERVER_PORT ? READYZ : '';
}

type Answer = Omit<ApiserverFacts, 'name' | 'path'>;
type Said = Pick<ApiserverFacts, 'status' | 'clockAheadMs'>;

const NOTHING: Said = { status: null, clockAheadMs: null };

function ask(
  { host, port }: ServerConfig,
  path: string,
  names: readonly string[],
  limitMs: number,
): Promise<Answer> {
  const address = addressWithPort(host, port);
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const servername = isIP(host) === 0 ? host : '';
  const socket = nodeTls().connect({ host, port, servername, rejectUnauthorized: false });
  let connected = false;
  let certificate: Answer['certificate'] = null;
  const end = (problem: string | null, said: Said): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve({ address, host, problem, certificate, ...said });
  };
  const timer = setTimeout(() => end(`no answer within ${limitMs} ms`, NOTHING), limitMs);
  socket.once('connect', () => {
    connected = true;
  });
  // Connected, and then no TLS: it is no apiserver, but it is there.
  socket.on('error', (error) => end(connected ? null : error.message, NOTHING));
  socket.once('secureConnect', () => {
    certificate = judgeCertificate(socket, names);
    if (path === '') end(null, NOTHING);
    else request(socket, host, path, end);
  });
  return promise;
}

function judgeCertificate(socket: TLSSocket, names: readonly string[]): Answer['certificate'] {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const missingNames = names.filter((name) => !carries(certificate, name));
  return { expiresAtMs: Date.parse(certificate.validTo), missingNames };
}

function carries(certificate: X509Certificate, name: string): boolean {
  const found = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return found !== undefined;
}

function request(
  socket: TLSSocket,
  host: string,
  path: string,
  end: (problem: string | null, said: Said) => void,
): void {
  const askedAtMs = Date.now();
  const asking = nodeHttp().request(
    // Without an agent, as the socket is there already: any, even `false`, would open one of its own.
    { createConnection: () => socket, headers: { host }, path },
    ({ statusCode = null, headers }) => {
      const clockAheadMs = aheadMs(headers.date, askedAtMs, Date.now());
      end(null, { status: statusCode, clockAheadMs });
    },
  );
  asking.on('error', (error) => end(error.message, NOTHING));
  asking.end();
}

/** What is certain of it: the Date is of a moment between question and answer, and in whole seconds. */
export function aheadMs(
  date: string | undefined,
  askedAtMs: number,
  answeredAtMs: number,
): number | null {
  const saidMs = Date.parse(date ?? '');
  if (Number.isNaN(saidMs)) return null;
  const [least, most] = [saidMs - answeredAtMs, saidMs + 999 - askedAtMs];
  return least > 0 ? least : Math.min(most, 0);
}

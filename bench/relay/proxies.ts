/** The proxies compared, with the plain TCP configuration their users write, and what serves behind. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/kit/free-port.ts';
import { output, type Started, startOn } from './processes.ts';

/** The proxy has a core to itself; load and backend share the other. */
export const PROXY_CORE = '0';
export const LOAD_CORE = '1';
/** Free ones, so that two runs do not meet. */
export const LISTEN_PORT = await freePort();
export const SERVER_PORT = await freePort();
const SERVERS_MAX = 100;
/** Connections at once that HAProxy and nginx are told to expect; both need two descriptors for each. */
const CONNECTIONS_MAX = 9400;

export type ProxyOptions = {
  readonly threads: 1 | 2;
  /** 1..SERVERS_MAX */
  readonly servers: number;
};

export type ProxyServer = {
  readonly name: string;
  readonly version: string;
  start(options: ProxyOptions): Promise<Started>;
};

/** Addresses of the backend; one nginx answers on all of them. */
function serverAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.1.${index + 1}`);
}

function cores({ threads }: ProxyOptions): string {
  return threads === 1 ? PROXY_CORE : `${PROXY_CORE},${LOAD_CORE}`;
}

export function evergate(): ProxyServer {
  const serve = join(import.meta.dirname, 'serve.ts');
  return {
    name: 'evergate',
    version: `Node ${process.versions.node}`,
    start(options) {
      const words = [LISTEN_PORT, options.threads, SERVER_PORT].map(String);
      const command = [process.execPath, serve, ...words, ...serverAddresses(options.servers)];
      return startOn(cores(options), command, LISTEN_PORT);
    },
  };
}

/** Debian's package; null when it is not installed. */
export async function haproxy(work: string): Promise<ProxyServer | null> {
  const binary = '/usr/sbin/haproxy';
  return existsSync(binary) ? haproxyFrom('haproxy', [binary], work) : null;
}

/** A HAProxy from extracted packages (`dpkg-deb -x`), which bring their own libraries. */
export async function haproxyIn(folder: string, work: string): Promise<ProxyServer> {
  const binary = join(folder, 'usr/sbin/haproxy');
  if (!existsSync(binary)) throw new Error(`There is no usr/sbin/haproxy in ${folder}`);
  const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
  const loader = ['lib64', 'usr/lib64']
    .map((name) => join(folder, name, 'ld-linux-x86-64.so.2'))
    .find((path) => existsSync(path));
  const command = loader === undefined ? [binary] : [loader, '--library-path', libraries, binary];
  return haproxyFrom('haproxy3', command, work);
}

async function haproxyFrom(
  name: string,
  command: readonly string[],
  work: string,
): Promise<ProxyServer> {
  const version = /version (\S+)/.exec(await output([...command, '-v']))?.[1] ?? 'unknown';
  return {
    name,
    version,
    start(options) {
      const file = join(work, `${name}.cfg`);
      writeFileSync(file, haproxyConfig(options));
      return startOn(cores(options), [...command, '-db', '-f', file], LISTEN_PORT);
    },
  };
}

function haproxyConfig({ threads, servers }: ProxyOptions): string {
  const lines = serverAddresses(servers).map((host, index) => `server s${index} ${host}:`);
  return `global
  maxconn ${CONNECTIONS_MAX}
  maxpipes 200
  nbthread ${threads}
defaults
  mode tcp
  option splice-auto
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  maxconn ${CONNECTIONS_MAX}
frontend front
  bind 127.0.0.1:${LISTEN_PORT}
  default_backend back
backend back
  balance roundrobin
${lines.map((line) => `  ${line}${SERVER_PORT}\n`).join('')}`;
}

/** Debian's nginx with its stream module; null when either is not installed. */
export async function nginxStream(work: string): Promise<ProxyServer | null> {
  const module = '/usr/lib/nginx/modules/ngx_stream_module.so';
  if (!existsSync('/usr/sbin/nginx') || !existsSync(module)) return null;
  const version = /nginx\/(\S+)/.exec(await output(['/usr/sbin/nginx', '-v']))?.[1] ?? 'unknown';
  return {
    name: 'nginx-stream',
    version,
    start(options) {
      const servers = serverAddresses(options.servers);
      const file = join(work, 'nginx-stream.conf');
      writeFileSync(
        file,
        `load_module ${module};
daemon off;
worker_processes ${options.threads};
pid ${work}/nginx-stream.pid;
error_log stderr error;
events { worker_connections ${CONNECTIONS_MAX * 2}; }
stream {
  upstream back {
${servers.map((host) => `    server ${host}:${SERVER_PORT};\n`).join('')}  }
  server {
    listen 127.0.0.1:${LISTEN_PORT};
    proxy_connect_timeout 10s;
    proxy_timeout 1h;
    proxy_pass back;
  }
}
`,
      );
      return startOn(cores(options), ['/usr/sbin/nginx', '-c', file], LISTEN_PORT);
    },
  };
}

/** What serves behind the proxies: nginx with a short answer and a big file. */
export function startBackend(work: string): Promise<Started> {
  const file = join(work, 'nginx-backend.conf');
  writeFileSync(join(work, 'big'), Buffer.alloc(64 << 20, 'evergate'));
  const hosts = ['127.0.0.1', ...serverAddresses(SERVERS_MAX)];
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${work}/nginx-backend.pid;
error_log stderr error;
events { worker_connections 18000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  server {
${hosts.map((host) => `    listen ${host}:${SERVER_PORT} backlog=4096;\n`).join('')}    root ${work};
    location = /short { return 200 "ok"; }
  }
}
`,
  );
  return startOn(LOAD_CORE, ['/usr/sbin/nginx', '-c', file], SERVER_PORT);
}

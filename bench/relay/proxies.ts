/** The proxies compared, each with one thread and the plain TCP configuration its users write. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output, type Started, startOn } from './processes.ts';

/** The proxy has a core to itself; load and backend share the other. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

export type ProxyServer = {
  readonly name: string;
  readonly version: string;
  start(listenPort: number, serverPort: number): Promise<Started>;
};

export async function evergate(): Promise<ProxyServer> {
  const serve = join(import.meta.dirname, 'serve.ts');
  return {
    name: 'evergate',
    version: `Node ${process.versions.node}`,
    start: (listen, server) =>
      startOn(PROXY_CORE, [process.execPath, serve, `${listen}`, `${server}`], listen),
  };
}

/** Debian's package; null when it is not installed. */
export async function haproxy(directory: string): Promise<ProxyServer | null> {
  const binary = '/usr/sbin/haproxy';
  if (!existsSync(binary)) return null;
  return haproxyFrom('haproxy', [binary], directory);
}

/**
 * A HAProxy from an extracted package (`dpkg-deb -x`), which brings its own libraries if its directory
 * has them; null when there is none.
 */
export async function haproxyIn(directory: string, work: string): Promise<ProxyServer | null> {
  const binary = join(directory, 'usr/sbin/haproxy');
  if (!existsSync(binary)) return null;
  const libraries = join(directory, 'usr/lib/x86_64-linux-gnu');
  const loader = ['lib64', 'usr/lib64']
    .map((folder) => join(directory, folder, 'ld-linux-x86-64.so.2'))
    .find((path) => existsSync(path));
  const command = loader === undefined ? [binary] : [loader, '--library-path', libraries, binary];
  return haproxyFrom('haproxy3', command, work);
}

async function haproxyFrom(
  name: string,
  command: readonly string[],
  directory: string,
): Promise<ProxyServer> {
  const version = /version (\S+)/.exec(await output([...command, '-v']))?.[1] ?? 'unknown';
  return {
    name,
    version,
    start(listen, server) {
      const file = join(directory, `${name}.cfg`);
      writeFileSync(
        file,
        `global
  maxconn 4000
  nbthread 1
defaults
  mode tcp
  option splice-auto
  timeout connect 10s
  timeout client 1m
  timeout server 1m
  maxconn 3000
frontend front
  bind 127.0.0.1:${listen}
  default_backend back
backend back
  server s1 127.0.0.1:${server}
`,
      );
      return startOn(PROXY_CORE, [...command, '-db', '-f', file], listen);
    },
  };
}

/** Debian's nginx with its stream module; null when either is not installed. */
export async function nginxStream(directory: string): Promise<ProxyServer | null> {
  const module = '/usr/lib/nginx/modules/ngx_stream_module.so';
  if (!existsSync('/usr/sbin/nginx') || !existsSync(module)) return null;
  const version = /nginx\/(\S+)/.exec(await output(['/usr/sbin/nginx', '-v']))?.[1] ?? 'unknown';
  return {
    name: 'nginx-stream',
    version,
    start(listen, server) {
      const file = join(directory, 'nginx-stream.conf');
      writeFileSync(
        file,
        `load_module ${module};
daemon off;
worker_processes 1;
pid ${directory}/nginx-stream.pid;
error_log stderr error;
events { worker_connections 8000; }
stream {
  server {
    listen 127.0.0.1:${listen};
    proxy_connect_timeout 10s;
    proxy_timeout 1m;
    proxy_pass 127.0.0.1:${server};
  }
}
`,
      );
      return startOn(PROXY_CORE, ['/usr/sbin/nginx', '-c', file], listen);
    },
  };
}

/** What serves behind the proxies: nginx with a short answer and a big file. */
export function startBackend(directory: string, port: number): Promise<Started> {
  const file = join(directory, 'nginx-backend.conf');
  const needed = readdirSync(directory).includes('big');
  if (!needed) writeFileSync(join(directory, 'big'), Buffer.alloc(64 << 20, 'evergate'));
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${directory}/nginx-backend.pid;
error_log stderr error;
events { worker_connections 8000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory};
    location = /short { return 200 "ok"; }
  }
}
`,
  );
  return startOn(LOAD_CORE, ['/usr/sbin/nginx', '-c', file], port);
}

/**
 * The key of a health check is in no process that reads what clients send: looked for in the memory of the running
 * ones, and found only where the check is run. That process may be killed or hang, and the servers stay as they are.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import type { StatusReport } from '../../src/stats/status.ts';
import { freePort } from '../kit/free-port.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = process.getuid?.() === 0 ? false : 'Only root looks into the memory of others';
const PIECE_BYTES = 1 << 20;

/** Base64 of the key that no other text has. */
function markOf(pem: string): Buffer {
  const [, line = ''] = pem.trim().split('\n').slice(1);
  assert.ok(line.length >= 40, pem);
  return Buffer.from(line, 'latin1');
}

/** Whether a process has these bytes in memory that it has written. */
function hasInMemory(pid: number, wanted: Buffer): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const areas = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^(\w+)-(\w+) rw.. /gm);
    return [...areas].some(([, from = '', to = '']) =>
      holds(memory, Number.parseInt(from, 16), Number.parseInt(to, 16), wanted),
    );
  } finally {
    closeSync(memory);
  }
}

function holds(memory: number, from: number, to: number, wanted: Buffer): boolean {
  const piece = Buffer.alloc(PIECE_BYTES + wanted.length);
  for (let at = from; at < to; at += PIECE_BYTES) {
    let length = 0;
    try {
      length = readSync(memory, piece, 0, Math.min(piece.length, to - at), at);
    } catch {
      // Never touched, or gone meanwhile.
    }
    if (piece.subarray(0, length).includes(wanted)) return true;
  }
  return false;
}

describe('The key of a health check', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let server: Server;
  let node: ChildProcess;
  let mark: Buffer;
  let named = 0;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-secrets-'));
    const authority = await createAuthority();
    const own = await createServerCertificate(authority, ['127.0.0.1']);
    const client = await createServerCertificate(authority, ['checker']);
    mark = markOf(client.keyPem);
    const asks = { requestCert: true, rejectUnauthorized: false };
    const tls = { cert: own.certificatePem, key: own.keyPem, ...asks };
    server = createServer(tls, ({ socket }, response) => {
      const shown = (socket as TLSSocket).getPeerX509Certificate();
      if (shown?.subjectAltName === 'DNS:checker') named++;
      response.end('ok');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    writeFileSync(join(folder, 'ca.pem'), authority.pem);
    writeFileSync(join(folder, 'client.pem'), client.certificatePem + client.keyPem);
    const check = `check check-ssl verify required ca-file ${folder}/ca.pem crt ${folder}/client.pem`;
    const text = `global
    user eg-no-such-account
defaults
    mode tcp
    timeout connect 1s
    timeout check 5s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 127.0.0.1:${await freePort()}
    option httpchk GET /readyz
    server m1 127.0.0.1:${port} ${check} inter 200ms
`;
    writeFileSync(join(folder, 'haproxy.cfg'), text);
    const args = [
      'run',
      '--haproxy',
      join(folder, 'haproxy.cfg'),
      '--run-dir',
      join(folder, 'run'),
    ];
    node = spawn(resolve('bin/evergate'), args, { stdio: 'ignore' });
  });
  after(async () => {
    node.kill('SIGTERM');
    await waitUntil('it stops', () => node.exitCode !== null);
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const pidOf = (role: string): number =>
    Number.parseInt(readFileSync(join(folder, 'run', `${role}.pid`), 'utf8'), 10);
  const state = (report: StatusReport | null) => report?.balancer?.report?.backends[0]?.servers[0];
  const well = () =>
    waitUntil('the server is checked by a checker, and a spare is there', async () => {
      const report = await lookAtStatus(join(folder, 'run'));
      const balancer = report?.balancer;
      const isWell =
        state(report)?.lastCheck === 'L7OK' &&
        balancer?.checker?.state === 'ready' &&
        balancer.spare.state === 'ready';
      return isWell ? balancer : null;
    });

  it('is with the checker, and not with balancer and spare', async () => {
    await well();
    assert.ok(named > 0, 'the server saw a client that it knows');
    assert.ok(hasInMemory(pidOf('checker'), mark), 'it would be found');
    for (const role of ['balancer', 'spare']) {
      assert.equal(hasInMemory(pidOf(role), mark), false, role);
    }
  });

  it('is with a process that has no rights, and an account that balancers have not', () => {
    const status = (role: string) => readFileSync(`/proc/${pidOf(role)}/status`, 'utf8');
    const uid = (role: string) => /^Uid:\s+(\d+)/m.exec(status(role))?.[1];
    assert.notEqual(uid('checker'), '0');
    assert.notEqual(uid('checker'), uid('balancer'));
    assert.match(status('checker'), /^CapPrm:\s+0+$/m);
    assert.match(status('checker'), /^NoNewPrivs:\s+1$/m);
    assert.match(status('checker'), /^Seccomp:\s+2$/m);
    assert.match(readFileSync(`/proc/${pidOf('checker')}/limits`, 'utf8'), /^Max processes +0 /m);
  });

  for (const [signal, why] of [
    ['SIGKILL', /SIGKILL/],
    ['SIGSTOP', /^It hangs: /],
  ] as const) {
    it(`costs no server when the checker gets a ${signal}, and is with the next one`, async () => {
      const before = (await well()).checker;
      assert.ok(before !== undefined);
      process.kill(before.pid ?? 0, signal);
      let seen: string | undefined;
      await waitUntil('another one is there', async () => {
        const report = await lookAtStatus(join(folder, 'run'));
        if (state(report)?.check === 'down') seen = state(report)?.reason;
        return report?.balancer?.checker?.restarts === before.restarts + 1 ? true : null;
      });
      const after = (await well()).checker;
      assert.equal(seen, undefined);
      assert.notEqual(after?.pid, before.pid);
      assert.match(after?.lastExit ?? '', why);
      await waitUntil('the old one is gone', () => !existsSync(`/proc/${before.pid}`));
      assert.equal(hasInMemory(pidOf('balancer'), mark), false);
    });
  }
});

/** The lab's certificates, presented and verified by TLS itself. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { createAuthority, createServerCertificate } from './certificates.ts';

test('createServerCertificate() is trusted for its address when its authority is', async (t) => {
  const authority = await createAuthority();
  const { certificatePem, keyPem } = await createServerCertificate(authority, [
    'kubernetes',
    '127.0.0.1',
  ]);
  const server = createServer({ cert: certificatePem, key: keyPem }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');

  const trusted = connect({ host: '127.0.0.1', port: address.port, ca: authority.pem });
  await once(trusted, 'secureConnect');
  assert.equal(trusted.authorized, true);
  trusted.destroy();

  const byAnotherName = connect({
    host: '127.0.0.1',
    port: address.port,
    ca: authority.pem,
    servername: 'elsewhere',
  });
  const [error] = await once(byAnotherName, 'error');
  assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
});

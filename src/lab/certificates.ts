/**
 * The lab's certificate authority and the apiservers' certificates (RFC 5280), as kubeadm lays them
 * out: ECDSA P-256, a server certificate per node with the node's, the VIP's and the service names.
 * Keys live as long as the lab does.
 */

import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** As long as those of kubeadm: what ends soon is warned of. */
const VALID_MS = 365 * 24 * 3600 * 1000;
// Namespaces share the machine's clock, a kubectl elsewhere may not.
const CLOCK_SKEW_MS = 3600 * 1000;

export type Authority = {
  /** The certificate in PEM form, what clients trust. */
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
};

export type ServerCertificate = { readonly certificatePem: string; readonly keyPem: string };

/** A fresh authority; its private key never leaves this process. */
export async function createAuthority(): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=kubernetes',
    keys,
    ...validity(),
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { pem: `${certificate.toString('pem')}\n`, certificate, keys };
}

/** A server certificate for `names`: DNS names and IP addresses alike. It is valid until `notAfter`. */
export async function createServerCertificate(
  authority: Authority,
  names: readonly string[],
  notAfter = new Date(Date.now() + VALID_MS),
): Promise<ServerCertificate> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=kube-apiserver',
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    notBefore: new Date(notAfter.getTime() - VALID_MS - CLOCK_SKEW_MS),
    notAfter,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: pemOf(pkcs8) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - CLOCK_SKEW_MS), notAfter: new Date(now + VALID_MS) };
}

/** RFC 7468 section 10. */
function pemOf(pkcs8: ArrayBuffer): string {
  const base64 = Buffer.from(pkcs8).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

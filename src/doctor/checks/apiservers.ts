/** Each apiserver: whether it answers, says that it is ready, and has a certificate that clients believe. */

import { certificateDaysLeft, EXPIRY_WARNING_DAYS } from '../../health/certificate-warnings.ts';
import type { DoctorCheck } from '../check.ts';
import type { ApiserverFacts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

export const APISERVERS: DoctorCheck = {
  id: 'apiservers',
  needs: ['configuration'],
  allWell: 'all answer, are ready, and carry the names that clients use',
  look: ({ apiservers, nowMs }) => apiservers.flatMap((each) => lookAtApiserver(each, nowMs)),
};

function lookAtApiserver(apiserver: ApiserverFacts, nowMs: number): readonly Finding[] {
  const { name, address, problem, path, status, certificate } = apiserver;
  const place = `"${name}" (${address})`;
  const ask = `curl -sk 'https://${address}${path === '' ? '/' : path}?verbose'`;
  const found: Finding[] = [];
  if (problem !== null) {
    found.push(finding('apiserver-unreachable', `${place} gives no answer: ${problem}`, ask));
  }
  // 401, 403: a stranger is told no more than that it is there.
  if (status !== null && status >= 400 && status !== 401 && status !== 403) {
    const what = `${place} answers ${path} with status ${status}`;
    found.push(finding('apiserver-not-ready', what, ask));
  }
  if (certificate === null) return found;
  const { missingNames } = certificate;
  if (missingNames.length > 0) {
    const names = missingNames.map((missing) => `"${missing}"`).join(', ');
    const what = `The certificate of ${place} lacks ${names}`;
    found.push(finding('certificate-lacks-name', what, renewal(missingNames)));
  }
  const days = certificateDaysLeft(certificate, nowMs);
  if (days < 0) {
    const what = `The certificate of ${place} has ended`;
    found.push(finding('certificate-ended', what, 'kubeadm certs renew apiserver'));
  } else if (days < EXPIRY_WARNING_DAYS) {
    const what = `The certificate of ${place} ends in ${days} days`;
    found.push(finding('certificate-ends', what, 'kubeadm certs renew apiserver'));
  }
  return found;
}

/** On the apiserver's node; its kubelet starts it anew with what is there then. docs/how-to/certificates.md has it all. */
function renewal(names: readonly string[]): string {
  return (
    'mv /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key /root/ && ' +
    `kubeadm init phase certs apiserver --apiserver-cert-extra-sans ${names.join(',')} && ` +
    'crictl ps --name kube-apiserver -q | xargs crictl stop'
  );
}

/** What a server's certificate will hurt with later: an end that is near, names that clients will miss. */

export type CertificateFacts = {
  /** End of validity, ms since the epoch. */
  readonly expiresAtMs: number;
  /** Of the names clients use, those the certificate does not carry. */
  readonly missingNames: readonly string[];
};

/** kubeadm's certificates live a year; a month is time to notice. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;

/** Sentences without a full stop; stable from check to check while a day lasts. */
export function certificateWarnings(facts: CertificateFacts, nowMs: number): readonly string[] {
  const warnings = facts.missingNames.map(
    (name) =>
      `The certificate does not carry "${name}", by which clients call; renew it with that name`,
  );
  const days = Math.floor((facts.expiresAtMs - nowMs) / DAY_MS);
  if (days < 0) warnings.push('The certificate has expired; renew it');
  else if (days < EXPIRY_WARNING_DAYS) {
    const left = days === 0 ? 'today' : days === 1 ? 'in 1 day' : `in ${days} days`;
    warnings.push(`The certificate expires ${left}; renew it`);
  }
  return warnings;
}

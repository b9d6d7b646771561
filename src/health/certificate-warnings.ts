/** What a server's certificate will hurt with later: an end that is near, names that clients will miss. */

export type CertificateFacts = {
  /** End of validity, ms since the epoch. */
  readonly expiresAtMs: number;
  /** Of the names clients use, those the certificate does not carry. */
  readonly missingNames: readonly string[];
};

/** kubeadm's certificates live a year; a month is time to notice. */
export const EXPIRY_WARNING_DAYS = 30;
/** Fewer are no time to put it off: status is degraded. */
export const EXPIRY_URGENT_DAYS = 7;
const DAY_MS = 86_400_000;

/** Whole days until it ends, at a time in ms since the epoch; negative: it has. */
export function certificateDaysLeft(facts: CertificateFacts, nowMs: number): number {
  return Math.floor((facts.expiresAtMs - nowMs) / DAY_MS);
}

/** What is to be said of a certificate that has this many whole days left. */
export function expiryText(days: number): string {
  if (days < 0) return 'The certificate has expired; renew it';
  const left = days === 0 ? 'today' : days === 1 ? 'in 1 day' : `in ${days} days`;
  return `The certificate expires ${left}; renew it`;
}

/** Sentences without a full stop; stable from check to check while a day lasts. */
export function certificateWarnings(facts: CertificateFacts, nowMs: number): readonly string[] {
  const warnings = facts.missingNames.map(
    (name) =>
      `The certificate does not carry "${name}", by which clients call; renew it with that name`,
  );
  const days = certificateDaysLeft(facts, nowMs);
  if (days < EXPIRY_WARNING_DAYS) warnings.push(expiryText(days));
  return warnings;
}

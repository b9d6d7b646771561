/** What the guardian tells its reaper, as one line of JSON, and leaves it. */

/** Where the reaper finds the guardian's standard error. */
export const LOG_FD = 3;

export type ReaperOrder = {
  /** As the election says (contracts/election.ts, estate()). */
  readonly estate: unknown;
  /** The run directory, where the balancer's pid stands; null: this node balances nothing. */
  readonly balancerIn: string | null;
  /** The nft table to remove once the addresses are gone; null: there is none. */
  readonly redirects: string | null;
};

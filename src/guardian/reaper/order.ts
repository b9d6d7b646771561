/** What the guardian tells its reaper, as one line of JSON. */

export type ReaperOrder = {
  /** As the election says (contracts/election.ts, estate()). */
  readonly estate: unknown;
  /** The run directory, where the balancer's pid stands; null: this node balances nothing. */
  readonly balancerIn: string | null;
};

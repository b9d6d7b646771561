/** Accounts by name: the one that is ours, and those that are no boundary. */

/** The balancer's where a file names none; packages make it. Where there is none, a number of our own is taken. */
export const SERVICE_ACCOUNT = 'evergate';

/** By name and by number: what has no account of its own runs as it, and NFS shows files of others as its. */
const SHARED_ACCOUNTS = ['nobody', '65534'];

/** null: it is nobody's but the balancer's, as far as a name can tell. */
export function sharedAccountProblem(user: string): string | null {
  if (!SHARED_ACCOUNTS.includes(user)) return null;
  return (
    `User "${user}" is shared: whatever else runs as it can end the balancer, and whoever is in the balancer can ` +
    `end that; name an account of its own, such as "${SERVICE_ACCOUNT}"`
  );
}

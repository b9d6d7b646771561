/**
 * How uneven the connections of a backend are. Long-lived ones stay where they went, so a server may carry far
 * more than its share, and nothing else shows it (openshift/origin#20050).
 */

export type SkewServer = {
  readonly name: string;
  /** Takes new connections: the others have no share. */
  readonly usable: boolean;
  readonly backup: boolean;
  readonly weight: number;
  readonly sessions: number;
};

export type Skew = {
  /** The server with the most connections against its share. */
  readonly server: string;
  /** So many times its share; 1: even. */
  readonly ratio: number;
};

/** Less than this is chance, or soon mended by the balance itself. */
const WORTH_RATIO = 1.5;
const WORTH_SESSIONS = 10;

/** null: nothing to compare, as with a single usable server or no connection. */
export function skewOf(servers: readonly SkewServer[]): Skew | null {
  const sharing = servers.filter(({ usable, backup, weight }) => usable && !backup && weight > 0);
  const sessions = sharing.reduce((sum, server) => sum + server.sessions, 0);
  const weights = sharing.reduce((sum, { weight }) => sum + weight, 0);
  if (sharing.length < 2 || sessions === 0) return null;
  const ratios = sharing.map(({ name, weight, sessions: own }) => {
    return { server: name, ratio: (own * weights) / (sessions * weight) };
  });
  return ratios.reduce((most, one) => (one.ratio > most.ratio ? one : most));
}

/** What to tell an operator about it; null: nothing. */
export function skewText(servers: readonly SkewServer[]): string | null {
  const skew = skewOf(servers);
  const own = servers.find(({ name }) => name === skew?.server)?.sessions ?? 0;
  if (skew === null || skew.ratio < WORTH_RATIO) return null;
  if (own - own / skew.ratio < WORTH_SESSIONS) return null;
  return `Server "${skew.server}" has ${skew.ratio.toFixed(1)} times its share of the connections`;
}

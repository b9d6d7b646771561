/** What has become of a server, for the timeline of a node. */

export type ServerChange = {
  readonly backend: string;
  readonly server: string;
  /** By checks `up`, `down`, `stopping`; by an operator, or its name, the others. */
  readonly to: 'up' | 'down' | 'stopping' | 'ready' | 'drain' | 'maint';
  /** Servers of the backend that take connections after it; 0: it has none left. */
  readonly usable: number;
  readonly why: string;
};

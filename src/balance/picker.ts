/**
 * The narrow interface of a balance algorithm. A picker is built from the static configuration and one
 * snapshot (create-picker.ts); it is thrown away when the snapshot changes, and asked once per
 * connection attempt.
 */

/** What an algorithm may know about the connection and the moment. */
export interface PickContext {
  /** XOR of the client address's big-endian 32-bit words, unsigned. */
  readonly sourceHash: number;
  /** ms, monotonic and common to all relays. */
  readonly now: number;
  /** Sessions a server has now, over all relays. */
  active(server: number): number;
  /** Tried before for this connection, or full. */
  excluded(server: number): boolean;
  /** A fresh unsigned 32-bit random number. */
  random(): number;
}

export interface Picker {
  /** Index of the server in the configuration; -1: none may be chosen. */
  pick(context: PickContext): number;
}

/** A server an algorithm may choose; weight 1..256. */
export type Candidate = { readonly server: number; readonly weight: number };

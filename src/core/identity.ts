/** What a process runs as; `groups` are all it is in. It need not have a name. */
export type Identity = {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
};

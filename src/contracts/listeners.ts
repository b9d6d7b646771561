/** What a listening socket is for: the guardian binds it, the balancer and its data plane take it. */

export type ListenerPurpose =
  /** `socket`: which of those at the same place, from 0. */
  | { readonly kind: 'frontend'; readonly frontend: string; readonly socket: number }
  | { readonly kind: 'http'; readonly frontend: string }
  | {
      readonly kind: 'stats-socket';
      readonly path: string;
      readonly level: 'user' | 'operator' | 'admin';
    };

/** A listening socket the guardian bound and this process inherited, or was given later. */
export type InheritedListener = {
  /** The guardian's number for it; descriptors differ from process to process. */
  readonly id: number;
  readonly fd: number;
  readonly purpose: ListenerPurpose;
};

/** What a proxy's ACLs and the rules over them say, while they are read. */

import type { Condition, ConnectionRule, SourceCounter, Term } from '../../model/conditions.ts';
import type { Word } from '../lexer.ts';
import type { Place } from '../report.ts';

/** A name of another section, which is looked up once all of them are read. */
export type Reference =
  | { readonly kind: 'backend'; readonly name: string; readonly place: Word }
  /** `counter`: what of the table is asked for; null: nothing, it is to count. */
  | {
      readonly kind: 'table';
      readonly name: string;
      readonly counter: SourceCounter | null;
      readonly place: Word;
    };

/** Tests of one ACL line, or between braces. */
export type ExpressionDraft = {
  readonly tests: Term['tests'];
  readonly references: readonly Reference[];
  /** Of what it asks for, a fetch that knows nothing before a client has said something. */
  readonly listens: Word | null;
};

/** `acl NAME ...`; lines of one name are one ACL, of which any may hold. */
export type AclDraft = {
  readonly name: string;
  readonly place: Place;
  readonly expression: ExpressionDraft;
  /** Why a rule that uses it is refused, as the end of a sentence; null: it can be used. */
  readonly unread: string | null;
};

export type ConditionDraft = {
  readonly condition: Condition;
  readonly references: readonly Reference[];
  readonly listens: Word | null;
};

/** One `tcp-request connection`, `session` or `content` rule. */
export type RuleDraft = {
  readonly rule: ConnectionRule;
  readonly references: readonly Reference[];
  readonly place: Place;
};

/** `use_backend NAME if ...` */
export type RouteDraft = {
  readonly backend: Word;
  readonly when: Condition;
  readonly references: readonly Reference[];
};

export type AccessDraft = {
  readonly acls: readonly AclDraft[];
  /** Names of ACLs that a rule uses. */
  readonly used: ReadonlySet<string>;
  readonly connection: readonly RuleDraft[];
  readonly session: readonly RuleDraft[];
  readonly content: readonly RuleDraft[];
  readonly routes: readonly RouteDraft[];
  readonly inspectDelay: { readonly value: number; readonly place: Place } | null;
};

export const NO_ACCESS: AccessDraft = {
  acls: [],
  used: new Set(),
  connection: [],
  session: [],
  content: [],
  routes: [],
  inspectDelay: null,
};

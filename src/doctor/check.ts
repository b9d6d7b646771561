/** The shape of a check: facts in, findings out. It asks nobody and knows no clock. */

import type { Facts } from './facts.ts';
import type { Finding } from './findings.ts';

export type DoctorCheck = {
  readonly id: string;
  /** Without these there is nothing to judge, and it says nothing, least of all that all is well. */
  readonly needs: readonly ('guardian' | 'configuration')[];
  /** What is true where it finds nothing. */
  readonly allWell: string;
  look(facts: Facts): readonly Finding[];
};

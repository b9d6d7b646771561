/** The shape of a check: facts in, findings out. It asks nobody and knows no clock. */

import type { Facts } from './facts.ts';
import type { Finding } from './findings.ts';

export type DoctorCheck = {
  readonly id: string;
  /** What is true where it finds nothing. */
  readonly allWell: string;
  look(facts: Facts): readonly Finding[];
};

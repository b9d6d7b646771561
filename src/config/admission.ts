/**
 * How many clients may wait for one server's answer to their hello, by default: evergate.yaml has it, haproxy.cfg has no
 * words for it and runs without.
 */

import type { AdmissionRules } from '../balance/admission.ts';

/**
 * An apiserver works at some hellos at once, on each of its processors, and answers in a few ms: 32 keep it busy. 64 are
 * what one needs whose answers take 30 ms for 2,000 new clients a second.
 */
export const ADMISSION: AdmissionRules = { cold: 32, max: 64 };

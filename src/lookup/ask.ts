/** The narrow interface to whoever knows names; one file for each kind of them implements it. */

import type { Answer, Question } from '../names/answer.ts';

/**
 * Resolves with the answer, whatever goes wrong, within a time of its own, and blocks nobody meanwhile. Questions may
 * be asked side by side.
 */
export type Ask = (question: Question) => Promise<Answer>;

/** From the errors of node:dns to what they say about a name. */

import { CANCELLED, CONNREFUSED, NODATA, NOTFOUND, REFUSED, TIMEOUT } from 'node:dns';
import type { Failure } from '../names/answer.ts';

/** A name server that is not there is one that does not answer. */
const FAILURES: Readonly<Record<string, Failure>> = {
  [NOTFOUND]: 'nx',
  [REFUSED]: 'refused',
  [TIMEOUT]: 'timeout',
  [CANCELLED]: 'timeout',
  [CONNREFUSED]: 'timeout',
};

export function failureOf(error: unknown): Failure {
  return FAILURES[codeOf(error)] ?? 'other';
}

/** The name is there and has no record of the kind that was asked for. */
export function isNoData(error: unknown): boolean {
  return codeOf(error) === NODATA;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

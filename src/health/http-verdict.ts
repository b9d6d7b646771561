/**
 * Whether an HTTP answer passes a check: HAProxy's `http-check expect` and `http-check disable-on-404`
 * (configuration manual section 4.2), with its words.
 */

import type { HttpCheckRules, HttpExpectation } from '../config/model/checks.ts';
import { unreachable } from '../core/assert.ts';
import type { HttpResponse } from './http-response.ts';
import type { CheckResult } from './server-state.ts';

export type HttpVerdict = Pick<CheckResult, 'status' | 'passed' | 'info' | 'code' | 'warnings'>;

type Rules = Pick<HttpCheckRules, 'expect' | 'drainOn' | 'denialPasses'>;

/** "pending": the body must be read further. */
type Outcome = 'met' | 'pending' | 'wrong-status' | 'no-match' | 'unwanted-match';

/** null: the answer has to be read further. */
export function judgeHttp(rules: Rules, response: HttpResponse): HttpVerdict | null {
  const { status, reason } = response;
  const drain: HttpVerdict = { status: 'L7OKC', passed: true, info: reason, code: status };
  if (rules.drainOn === '404' && status === 404) return drain;
  if (rules.denialPasses === true && (status === 401 || status === 403)) {
    const warning =
      `It answers strangers with ${status}: that it is alive is known, not whether it is ready; let anyone ` +
      'for /readyz, or name "check.cert" and "check.key"';
    return { status: 'L7OK', passed: true, info: '', code: status, warnings: [warning] };
  }
  if (rules.expect.length === 0 && (status < 200 || status > 399)) {
    return wrongStatus(rules, status, reason);
  }
  for (const expectation of rules.expect) {
    const outcome = test(expectation, response);
    switch (outcome) {
      case 'met':
        break;
      case 'pending':
        return null;
      case 'wrong-status':
        return wrongStatus(rules, status, reason);
      case 'no-match':
        return { status: 'L7RSP', passed: false, info: 'HTTP content check did not match' };
      case 'unwanted-match':
        return { status: 'L7RSP', passed: false, info: 'HTTP check matched unwanted content' };
      default:
        unreachable(outcome);
    }
  }
  return { status: 'L7OK', passed: true, info: '', code: status };
}

/**
 * What a pass on a condition means for a server: one that is up keeps what it has, and its condition needs
 * no words; one that is down does not come up by it.
 */
export function settleCondition(result: CheckResult, up: boolean): CheckResult {
  if (result.status !== 'L7OKC') return result;
  return up ? { ...result, info: '' } : { ...result, status: 'L7STS', passed: false };
}

function wrongStatus(rules: Rules, code: number, info: string): HttpVerdict {
  const drain = rules.drainOn === 'unexpected-status';
  return { status: drain ? 'L7OKC' : 'L7STS', passed: drain, info, code };
}

function test(expectation: HttpExpectation, response: HttpResponse): Outcome {
  const { negated } = expectation;
  switch (expectation.kind) {
    case 'status': {
      const { status } = response;
      const inside = expectation.ranges.some(({ min, max }) => status >= min && status <= max);
      return inside === negated ? 'wrong-status' : 'met';
    }
    case 'rstatus': {
      const matches = new RegExp(expectation.pattern).test(String(response.status));
      return matches === negated ? 'wrong-status' : 'met';
    }
    case 'string':
      return testBody(response.body.includes(expectation.text), negated, response.complete);
    case 'rstring': {
      const matches = new RegExp(expectation.pattern).test(response.body);
      return testBody(matches, negated, response.complete);
    }
    default:
      return unreachable(expectation);
  }
}

function testBody(found: boolean, negated: boolean, complete: boolean): Outcome {
  if (found) return negated ? 'unwanted-match' : 'met';
  if (!complete) return 'pending';
  return negated ? 'met' : 'no-match';
}

/** What the files themselves are refused for. */

import { formatDiagnostic } from '../../config/diagnostics.ts';
import type { DoctorCheck } from '../check.ts';
import { finding } from '../findings.ts';

/** `evergate check` says all of them. */
const SHOWN_MAX = 5;

export const CONFIGURATION: DoctorCheck = {
  id: 'configuration',
  needs: [],
  allWell: 'the files can be run',
  look: ({ diagnostics, files }) =>
    diagnostics
      .filter(({ severity }) => severity === 'error')
      .slice(0, SHOWN_MAX)
      .map((each) =>
        finding('bad-configuration', formatDiagnostic(each), `evergate check ${files}`),
      ),
};

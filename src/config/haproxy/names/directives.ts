/** Directives of `resolvers` sections (configuration manual section 5.3.2). */

import { convert, ignore, rows, tableOf } from '../directives.ts';

export const RESOLVERS_DIRECTIVES = tableOf([
  ...rows('', 'nameserver,hold', convert(2, 2, 'drop')),
  ...rows('', 'timeout resolve,timeout retry,resolve_retries', convert(1, 1, 'drop')),
  ...rows('', 'parse-resolv-conf', convert(0, 0, 'drop')),

  ...rows(
    '',
    'accepted_payload_size',
    ignore('answers of any length are taken: what is too long for a datagram comes over TCP'),
  ),
]);

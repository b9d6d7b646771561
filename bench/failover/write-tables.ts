/** Writes the tables of what was measured into docs/failover.md. Run it after a measurement. */

import { writePages } from '../../tools/docs/page-tables.ts';
import { PAGES } from './page.ts';

writePages(PAGES);

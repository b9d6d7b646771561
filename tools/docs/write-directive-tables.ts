/** Writes the directive tables into the pages of docs/. Run it after a change of a table. */

import { PAGES } from './directive-tables.ts';
import { writePages } from './page-tables.ts';

writePages(PAGES);

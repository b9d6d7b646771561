/** A failure of the lab that its user can do something about; the message is all they see. */

import { OperationalError } from '../core/errors.ts';

export class LabError extends OperationalError {
  constructor(text: string) {
    super('lab-failed', text);
    this.name = 'LabError';
  }
}

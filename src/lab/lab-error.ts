/** A failure of the lab that its user can do something about; the message is all they see. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

/** From the weight of a service's record, 0..65535, to that of a server, 0..256, where 0 alone stays 0 (HAProxy). */
export function weightOfRecord(weight: number): number {
  return Math.floor((weight + 255) / 256);
}

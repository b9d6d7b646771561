/** Times as HAProxy prints them. */

/** "0d 0h00m04s" */
export function uptimeText(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  return `${days}d ${hours}h${two(Math.floor(whole / 60) % 60)}m${two(whole % 60)}s`;
}

/** The two largest units: "4s", "2m5s", "3h", "1d2h". */
export function shortDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const units: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}

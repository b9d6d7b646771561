/** When an event was, as people read it: local time to the millisecond, with the day where that is not today. */

export function timeOf(at: number): string {
  const date = new Date(at);
  const [hour, minute, second] = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const clock = [hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  const isToday = date.toDateString() === new Date().toDateString();
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, '0'));
  const dayText = isToday ? '' : `${date.getFullYear()}-${month}-${day} `;
  return `${dayText}${clock}.${ms}`;
}

// Ages in the format of kubectl, with the units of k8s.io/apimachinery's HumanDuration:
// https://pkg.go.dev/k8s.io/apimachinery/pkg/util/duration#HumanDuration
const [minute, hour, day, year] = [60, 3_600, 86_400, 31_536_000];

/** The age as kubectl shows it, e.g. '95s', '7m12s', '3h4m', '2d5h', '400d', '3y12d'. */
export function age(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return both(seconds, minute, 'm', 1, 's');
  if (seconds < 3 * hour) return `${Math.trunc(seconds / minute)}m`;
  if (seconds < 8 * hour) return both(seconds, hour, 'h', minute, 'm');
  if (seconds < 2 * day) return `${Math.trunc(seconds / hour)}h`;
  if (seconds < 8 * day) return both(seconds, day, 'd', hour, 'h');
  if (seconds < 2 * year) return `${Math.trunc(seconds / day)}d`;
  if (seconds < 8 * year) return both(seconds, year, 'y', day, 'd');
  return `${Math.trunc(seconds / year)}y`;
}

function both(seconds: number, unit: number, name: string, small: number, smallName: string) {
  const rest = Math.trunc((seconds % unit) / small);
  return `${Math.trunc(seconds / unit)}${name}${rest === 0 ? '' : `${rest}${smallName}`}`;
}

export const translateTimestamp = (timestamp: string | null | undefined, nowMs: number): string =>
  timestamp ? age(nowMs - Date.parse(timestamp)) : '<unknown>';

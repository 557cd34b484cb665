// Times with microseconds: clients get back the expiry they sent, digit for digit. 2^53 µs reach to
// the year 2255.

/** µs since 1970 UTC of an ISO 8601 time, UTC where it names no zone; undefined when it is none. */
export function parseMicros(text: string): number | undefined {
  const [, whole, fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ??
    [];
  const ms = Date.parse(`${whole}${zone}`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/**
 * `2026-11-22T18:02:27.833964`, without a zone: as upstream shows the expiry of application
 * credentials.
 */
export function formatMicros(us: number): string {
  return `${new Date(Math.floor(us / 1_000_000) * 1000).toISOString().slice(0, 19)}.${String(us % 1_000_000).padStart(6, '0')}`;
}

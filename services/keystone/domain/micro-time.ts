// Times in microseconds, so that clients get back exactly the expiry they sent. Integers up to 2^53
// µs reach to the year 2255.

/**
 * µs since 1970 UTC of an ISO 8601 time (UTC if it names no zone); undefined: the text is no time.
 */
export function parseMicros(text: string): number | undefined {
  const [, whole, fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ??
    [];
  const ms = Date.parse(`${whole}${zone}`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/**
 * `2026-11-22T18:02:27.833964`, without a zone: upstream's format for expires_at of application
 * credentials.
 */
export function formatMicros(us: number): string {
  return `${new Date(Math.floor(us / 1_000_000) * 1000).toISOString().slice(0, 19)}.${String(us % 1_000_000).padStart(6, '0')}`;
}

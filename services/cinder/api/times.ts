// Moments as Cinder writes them: UTC, microseconds, no zone.
export const timeText = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.(\d{3})Z$/, '.$1000');
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeText(ms));

/** ISO 8601 as filters take it, or undefined. */
export function timeFrom(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(text))
    return undefined;
  const zoned =
    /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) || text.length <= 10 ? text : `${text}Z`;
  const ms = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

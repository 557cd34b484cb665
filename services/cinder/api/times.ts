// Times in Cinder's format: UTC, microseconds, no zone.
export const timeText = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.(\d{3})Z$/, '.$1000');
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeText(ms));

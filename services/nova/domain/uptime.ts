// The uptime of a host in the format of uptime(1), which clients of this API print and parse. Pure.

/** The text of the command uptime, e.g. ` 18:02:27 up 3 days,  4:05`. */
export function uptimeText(bootedAtMs: number, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((nowMs - bootedAtMs) / 60_000));
  const [days, hours, rest] = [
    Math.floor(minutes / 1440),
    Math.floor(minutes / 60) % 24,
    minutes % 60,
  ];
  const clock =
    hours > 0 ? `${String(hours).padStart(2)}:${String(rest).padStart(2, '0')}` : `${rest} min`;
  return ` ${new Date(nowMs).toISOString().slice(11, 19)} up ${days > 0 ? `${days} ${days === 1 ? 'day' : 'days'}, ` : ''}${clock}`;
}

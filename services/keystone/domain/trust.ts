// Whether a trust has expired.

export function isExpired(trust: { expires_at: number | null }, nowMs: number): boolean {
  return trust.expires_at !== null && trust.expires_at <= nowMs;
}

// Authentication at an emulated BMC: one user with a password, by Basic authentication or by
// session.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Secret } from '#platform/log.ts';

export interface BmcSession {
  id: string;
  userName: string;
}

export interface Sessions {
  /**
   * Logs in. forbidden: wrong user or password; tooManyRequests: the BMC holds no more sessions.
   */
  create(userName: unknown, password: unknown): Outcome<{ session: BmcSession; token: string }>;
  /** Whether a request with these headers is authenticated. Extends the session's lifetime. */
  allows(headers: Readonly<Record<string, string | undefined>>): boolean;
  list(): BmcSession[];
  /** Logs out. Returns false if there is no such session. */
  remove(id: string): boolean;
  /** Ends all sessions, as a restart of the BMC does. */
  clear(): void;
}

export const sessionTimeoutMs = 30 * 60_000;
const maxSessions = 16;

export function createSessions(
  user: { name: string; password: Secret },
  { clock, ids }: { clock: Clock; ids: Pick<Ids, 'bytes'> },
): Sessions {
  const sessions = new Map<string, BmcSession & { usedAtMs: number }>();
  let nextId = 1;
  const isUser = (name: string, password: string): boolean =>
    // Both are always compared, so that the response time reveals nothing.
    [isEqual(name, user.name), isEqual(password, user.password.reveal())].every(Boolean);

  function forgetOld(): void {
    for (const [token, { usedAtMs }] of sessions)
      if (clock.now() - usedAtMs > sessionTimeoutMs) sessions.delete(token);
  }

  return {
    create(name, password) {
      if (typeof name !== 'string' || typeof password !== 'string' || !isUser(name, password))
        return fault('forbidden', 'wrong user or password');
      forgetOld();
      if (sessions.size >= maxSessions)
        return fault('tooManyRequests', `there are ${maxSessions} sessions already`);
      const token = ids.bytes(24).toString('base64url');
      const session = { id: String(nextId++), userName: name };
      sessions.set(token, { ...session, usedAtMs: clock.now() });
      return { session, token };
    },
    allows(headers) {
      const token = headers['x-auth-token'];
      if (token !== undefined) {
        forgetOld();
        const session = sessions.get(token);
        if (session) session.usedAtMs = clock.now();
        return session !== undefined;
      }
      const [, encoded = ''] = /^basic ([\w+/=]+)$/i.exec(headers['authorization'] ?? '') ?? [];
      const [, name = '', password = ''] =
        /^([^:]*):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
      return isUser(name, password);
    },
    list() {
      forgetOld();
      return [...sessions.values()].map(({ id, userName }) => ({ id, userName }));
    },
    remove(id) {
      const [token] = [...sessions].find(([, session]) => session.id === id) ?? [];
      return token !== undefined && sessions.delete(token);
    },
    clear: () => sessions.clear(),
  };
}

function isEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

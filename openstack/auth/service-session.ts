// A service's own identity towards other services: a token obtained by password, used until shortly
// before it expires.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Secret } from '#platform/log.ts';
import type { HttpClient } from '../http/client.ts';

export interface ServiceSession {
  /**
   * A valid token. unavailable: Keystone does not answer; unauthorized: Keystone refuses the
   * service user.
   */
  token(): Promise<Outcome<string>>;
  /** Discards the token, e.g. after a 401. */
  renew(): void;
}

export interface ServiceUser {
  name: string;
  password: Secret;
  project: string;
}

/**
 * A session for a caller that has a token already, e.g. a command. It ends when that token expires.
 */
export const sessionWithToken = (token: string): ServiceSession => ({
  token: async () => token,
  renew: () => undefined,
});

const renewBeforeMs = 5 * 60_000;

export function createServiceSession(deps: {
  http: HttpClient;
  clock: Clock;
  user: ServiceUser;
}): ServiceSession {
  let current: { token: string; endsMs: number } | undefined;
  let asking: Promise<Outcome<string>> | undefined;

  async function ask(): Promise<Outcome<string>> {
    const { name, password, project } = deps.user;
    const domain = { id: 'default' };
    const answer = await deps.http.send({
      method: 'POST',
      service: 'identity',
      path: '/v3/auth/tokens?nocatalog',
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name, domain, password: password.reveal() } },
          },
          scope: { project: { name: project, domain } },
        },
      },
    });
    if (isFault(answer)) return answer;
    const token = answer.headers['x-subject-token'];
    if (answer.status !== 201 || !token)
      return fault(
        // A 5xx, e.g. without its database, does not mean that the service user is refused.
        answer.status >= 500 ? 'unavailable' : 'unauthorized',
        `The service user ${name} got no token: Keystone answered ${answer.status}.`,
      );
    // 201: Keystone's token document
    const { expires_at } = (answer.body as { token: { expires_at: string } }).token;
    current = { token, endsMs: Date.parse(expires_at) };
    return token;
  }

  return {
    async token() {
      if (current && deps.clock.now() < current.endsMs - renewBeforeMs) return current.token;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return await asking;
    },
    renew() {
      current = undefined;
    },
  };
}

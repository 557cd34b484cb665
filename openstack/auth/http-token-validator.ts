// Token validation for a process without Keystone: asks Keystone over HTTP and caches the answer
// for a short time.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { HttpClient } from '../http/client.ts';
import type { AccessRule } from './access-rules.ts';
import type { AuthContext, TokenValidator } from './context.ts';
import type { ServiceSession } from './service-session.ts';

interface Named {
  id: string;
  name: string;
}
interface TokenDocument {
  token: {
    expires_at: string;
    user: Named & { domain: Named };
    project?: Named & { domain: Named };
    domain?: Named;
    system?: { all?: boolean };
    roles?: Named[];
    application_credential?: { id: string; access_rules?: AccessRule[] };
  };
}

export interface HttpTokenValidatorOptions {
  /**
   * How long a revoked token may still be accepted. Under a second, so that processes need no
   * messages about revocations. Stock: token_cache_time, 300 s.
   */
  rememberMs: number;
  maxRemembered: number;
}

export const tokenCacheDefaults: HttpTokenValidatorOptions = {
  rememberMs: 900,
  maxRemembered: 10_000,
};

const cannotCheck = (): Fault => fault('unavailable', 'Keystone cannot check tokens now.');

export function createHttpTokenValidator(
  deps: { http: HttpClient; session: ServiceSession; clock: Clock },
  options: HttpTokenValidatorOptions = tokenCacheDefaults,
): TokenValidator {
  const remembered = new Map<string, { context: AuthContext; untilMs: number }>();
  const asking = new Map<string, Promise<Outcome<AuthContext>>>();

  async function ask(token: string): Promise<Outcome<AuthContext>> {
    const own = await deps.session.token();
    // Also if Keystone refuses the service user: the caller's token is not at fault.
    if (isFault(own)) return cannotCheck();
    const answer = await deps.http.send({
      method: 'GET',
      service: 'identity',
      path: '/v3/auth/tokens?nocatalog',
      token: own,
      headers: { 'x-subject-token': token },
      timeoutMs: 10_000,
    });
    if (isFault(answer)) return cannotCheck();
    if (answer.status === 401) {
      deps.session.renew();
      return fault('unavailable', 'Keystone does not accept the service user any more.');
    }
    if (answer.status >= 500) return cannotCheck();
    if (answer.status !== 200) return fault('unauthorized', 'The token is not valid.');
    // 200: Keystone's token document
    const context = contextOf(token, answer.body as unknown as TokenDocument);
    if (remembered.size >= options.maxRemembered) remembered.clear();
    remembered.set(token, {
      context,
      untilMs: Math.min(deps.clock.now() + options.rememberMs, context.expiresAtMs),
    });
    return context;
  }

  return {
    async validate(token) {
      const cached = remembered.get(token);
      if (cached && deps.clock.now() < cached.untilMs) return cached.context;
      remembered.delete(token);
      // Concurrent requests with one new token share one validation.
      let question = asking.get(token);
      if (!question) {
        question = ask(token).finally(() => asking.delete(token));
        asking.set(token, question);
      }
      return await question;
    },
  };
}

function contextOf(token: string, { token: document }: TokenDocument): AuthContext {
  const { user, project, domain, system, roles, application_credential: credential } = document;
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domain.id,
    projectId: project?.id ?? null,
    projectName: project?.name ?? null,
    projectDomainId: project?.domain.id ?? null,
    domainId: domain?.id ?? null,
    systemScope: system?.all === true,
    roles: (roles ?? []).map((role) => role.name),
    expiresAtMs: Date.parse(document.expires_at),
    token,
    appCredId: credential?.id ?? null,
    accessRules: credential?.access_rules ?? null,
  };
}

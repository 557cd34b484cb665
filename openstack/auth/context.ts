// The authenticated caller, from a validated token. Created by Keystone (in processes without it by
// http-token-validator.ts), read by every service and by the policy engine.
import type { Outcome } from '#contracts/common/fault.ts';
import type { AccessRule } from './access-rules.ts';

export interface AuthContext {
  userId: string;
  userName: string;
  userDomainId: string;
  /** The token's project; null in a domain-scoped, system-scoped or unscoped token. */
  projectId: string | null;
  projectName: string | null;
  projectDomainId: string | null;
  domainId: string | null;
  systemScope: boolean;
  /** Role names, including implied roles. */
  roles: readonly string[];
  expiresAtMs: number;
  /** The token itself, to call other services in the user's name. Never logged. */
  token: string;
  appCredId: string | null;
  /** The only requests that an application credential's token may make; null: no such limit. */
  accessRules: readonly AccessRule[] | null;
}

/**
 * Validates tokens. Implemented by Keystone itself in its own process, elsewhere by a cached
 * validation over HTTP.
 */
export interface TokenValidator {
  /** unauthorized: unknown, expired or revoked; unavailable: Keystone cannot be asked now. */
  validate(token: string): Promise<Outcome<AuthContext>>;
}

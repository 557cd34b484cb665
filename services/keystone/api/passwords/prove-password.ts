// The only place that checks a user's password. It counts wrong ones and enforces the lock, for
// logins and for password changes.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { loginSource } from '../../domain/login-source.ts';
import type { UserRow } from '../../store/tables.ts';
import { clearFailedLogins, countFailedLogin, findUser } from '../../store/users.ts';
import type { Keystone } from '../keystone.ts';

/**
 * Whether the password is right. Also false for an unknown or locked user, after the same work, so
 * that timing reveals nothing. tooManyRequests or unavailable: too many checks are waiting.
 */
export async function provePassword(
  k: Keystone,
  user: UserRow | undefined,
  password: string,
  address: string,
): Promise<Outcome<boolean>> {
  const locked = user !== undefined && isLocked(k, user);
  const right = await k.passwords.verify(password, user && !locked ? user.password_hash : '', {
    source: loginSource(address),
    user: user?.id ?? '',
  });
  if (isFault(right)) return right;
  if (!user || locked) return false;
  if (!right) {
    if (countsFailures(k, user)) await countGuess(k, user, address);
    return false;
  }
  // Checked again after the hash: concurrent guesses may have locked the user meanwhile, and the
  // password may have been changed while this request waited for its turn.
  const now = await findUser(k.db, user.id);
  if (!now || isLocked(k, now) || now.password_hash !== user.password_hash) return false;
  if (now.failed_logins > 0) await clearFailedLogins(k.db, user.id);
  return true;
}

async function countGuess(k: Keystone, user: UserRow, address: string): Promise<void> {
  const nowMs = k.clock.now();
  const failures = await countFailedLogin(k.db, user, {
    nowMs,
    recentMs: nowMs - k.config.lockoutMs,
    limit: k.config.lockoutFailures,
  });
  if (failures !== undefined) k.log.info({ user: user.id, failures, address }, 'wrong password');
}

function countsFailures(k: Keystone, user: UserRow): boolean {
  const { ignore_lockout_failure_attempts: exempt } = JSON.parse(user.options) as {
    ignore_lockout_failure_attempts?: boolean;
  }; // JSON that Keystone wrote
  return k.config.lockoutFailures > 0 && exempt !== true;
}

const isRecent = (k: Keystone, user: UserRow): boolean =>
  k.clock.now() - user.failed_at < k.config.lockoutMs;
const isLocked = (k: Keystone, user: UserRow): boolean =>
  countsFailures(k, user) && isRecent(k, user) && user.failed_logins >= k.config.lockoutFailures;

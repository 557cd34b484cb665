// Checks quota within the transaction that creates an object, serialised with the project's other
// creations.
import type { Outcome } from '#contracts/common/fault.ts';
import type { QuotaUsage } from '../domain/quota.ts';
import { checkQuota, checkTypeQuota } from '../domain/quota.ts';
import { lockQuota, quotaLimits, quotaUsage, typeLimits, typeUsage } from '../store/quotas.ts';
import type { CinderDb } from '../store/rows.ts';
import { findType } from '../store/types.ts';
import type { HandlerDeps } from './handler-deps.ts';

/**
 * Checks that the project's quota has room for `wanted`. overQuota, with Cinder's texts, if not.
 * `typeId`: the volume's type, which may have limits of its own; `volumeGib`: the volume's whole
 * size.
 */
export async function takeQuota(
  { config, clock }: HandlerDeps,
  trx: CinderDb,
  projectId: string,
  wanted: Partial<QuotaUsage>,
  of: { typeId?: string | null; volumeGib?: number } = {},
): Promise<Outcome<undefined>> {
  await lockQuota(trx, projectId, clock.now());
  const over = checkQuota(
    await quotaLimits(trx, projectId, config.quotas),
    await quotaUsage(trx, projectId),
    wanted,
    of.volumeGib,
  );
  const type = of.typeId && !over ? await findType(trx, of.typeId, null) : undefined;
  const limits = type && (await typeLimits(trx, projectId, [type.name]));
  return (
    over ??
    (type && limits && limits.size > 0
      ? checkTypeQuota(type.name, limits, await typeUsage(trx, projectId, type.id), wanted)
      : undefined)
  );
}

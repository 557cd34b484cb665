// SQL of the total usage of a project or one of its users.
import { sql } from 'kysely';
import type { PlacementDb } from './tables.ts';

/** `userId` undefined: all users of the project. */
export interface Owner {
  projectId: string;
  userId: string | undefined;
}

/**
 * Sums of the allocations of a project, or of one of its users, by consumer type (null: not given)
 * and resource class.
 */
export async function usageOf(
  db: PlacementDb,
  { projectId, userId }: Owner,
): Promise<{ consumer_type: string | null; resource_class: string; used: number }[]> {
  let query = db
    .selectFrom('allocations as a')
    .innerJoin('consumers as c', 'c.uuid', 'a.consumer_uuid')
    .select(['c.consumer_type', 'a.resource_class', sql<number>`sum(a.used)`.as('used')])
    .where('c.project_id', '=', projectId)
    .groupBy(['c.consumer_type', 'a.resource_class']);
  if (userId !== undefined) query = query.where('c.user_id', '=', userId);
  return (await query.execute()).map((row) => ({ ...row, used: Number(row.used) }));
}

/** Number of consumers by type. */
export async function consumersOf(
  db: PlacementDb,
  { projectId, userId }: Owner,
): Promise<{ consumer_type: string | null; consumers: number }[]> {
  let query = db
    .selectFrom('consumers as c')
    .select(['c.consumer_type', sql<number>`count(*)`.as('consumers')])
    .where('c.project_id', '=', projectId)
    .groupBy('c.consumer_type');
  if (userId !== undefined) query = query.where('c.user_id', '=', userId);
  return (await query.execute()).map((row) => ({ ...row, consumers: Number(row.consumers) }));
}

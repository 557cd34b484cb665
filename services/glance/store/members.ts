// SQL of members: the projects with which an image is shared.
import type { Selectable } from 'kysely';
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { MemberStatus } from '../domain/image.ts';
import type { GlanceDb, GlanceTables } from './tables.ts';

export type Member = Selectable<GlanceTables['image_members']>;

export async function listMembers(db: GlanceDb, imageId: string): Promise<Member[]> {
  return await db
    .selectFrom('image_members')
    .selectAll()
    .where('image_id', '=', imageId)
    .orderBy('created_at_ms')
    .orderBy('member_id')
    .execute();
}

export async function findMember(
  db: GlanceDb,
  imageId: string,
  memberId: string,
): Promise<Member | undefined> {
  return await db
    .selectFrom('image_members')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .executeTakeFirst();
}

/** Returns undefined if the project is a member already. */
export async function insertMember(
  db: GlanceDb,
  imageId: string,
  memberId: string,
  nowMs: number,
): Promise<Member | undefined> {
  const member: Member = {
    image_id: imageId,
    member_id: memberId,
    status: 'pending',
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
  try {
    await db.insertInto('image_members').values(member).execute();
    return member;
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

export async function setMemberStatus(
  db: GlanceDb,
  imageId: string,
  memberId: string,
  status: MemberStatus,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('image_members')
    .set({ status, updated_at_ms: nowMs })
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .execute();
}

/** Returns false if there was no such member. */
export async function deleteMember(
  db: GlanceDb,
  imageId: string,
  memberId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('image_members')
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

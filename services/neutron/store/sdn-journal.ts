// What OVN has yet to show: written in the transaction that changes it, drained by ovn/'s writer.
// An entry only says whom to look at again; what is to be shown is read then, so entries may repeat
// and arrive late.
import type { Kysely } from 'kysely';
import type { NeutronTables } from './tables.ts';

export type SdnSubject =
  | 'network'
  | 'subnet'
  | 'port'
  | 'router'
  | 'floating_ip'
  | 'security_group';

export interface SdnChange {
  readonly kind: SdnSubject;
  readonly id: string;
}

/**
 * Marks objects as created, changed or deleted. Dependents are found by the writer: a rule marks
 * its group, a gateway its router.
 */
export async function markChanged(
  trx: Kysely<NeutronTables>,
  subjects: readonly SdnChange[],
): Promise<void> {
  if (subjects.length > 0)
    await trx
      .insertInto('sdn_changes')
      .values(subjects.map(({ kind, id }) => ({ kind, subject_id: id })))
      .execute();
}

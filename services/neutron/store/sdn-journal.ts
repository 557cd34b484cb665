// The SDN journal: objects whose OVN rows are due, written in the transaction that changes them,
// drained by the writer in ovn/. An entry only names an object, whose present state the writer
// reads; so entries may repeat and arrive late.
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
 * Marks objects as created, changed or deleted. A change of a rule marks its group, one of a
 * gateway its router; the writer finds further dependents.
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

// What OVN says about ports and floating IPs, written down. Called by ovn/ alone. A status is
// something callers see, so it moves the revision; one that is so already is left alone.
import type { Kysely } from 'kysely';
import { pages } from './sdn-facts.ts';
import type { NeutronTables, PortRow } from './tables.ts';

type Db = Kysely<NeutronTables>;

export type PortInUse = Pick<
  PortRow,
  'id' | 'status' | 'device_id' | 'device_owner' | 'updated_at_ms'
>;

const columns = ['id', 'status', 'device_id', 'device_owner', 'updated_at_ms'] as const;

export async function readPortsInUse(db: Db, ids: Iterable<string>): Promise<PortInUse[]> {
  return await pages(
    ids,
    async (page) => await db.selectFrom('ports').select(columns).where('id', 'in', page).execute(),
  );
}

/** Ports of guests and the like: all that a host plugs in. */
export async function readGuestPorts(db: Db): Promise<Pick<PortRow, 'id'>[]> {
  return await db
    .selectFrom('ports')
    .select('id')
    .where('device_id', '!=', '')
    .where('device_owner', 'not like', 'network:%')
    .execute();
}

/** Ports of guests and the like that are said to be up. */
export async function readActivePorts(db: Db): Promise<PortInUse[]> {
  return await db
    .selectFrom('ports')
    .select(columns)
    .where('status', '=', 'ACTIVE')
    .where('device_owner', 'not like', 'network:%')
    .execute();
}

/** Of those of another status. */
export async function setStatuses(
  db: Db,
  table: 'ports' | 'floating_ips',
  ids: readonly string[],
  status: 'ACTIVE' | 'DOWN',
  nowMs: number,
): Promise<void> {
  await pages(ids, async (page) => {
    await db
      .updateTable(table)
      .set((of) => ({
        status,
        updated_at_ms: nowMs,
        revision_number: of('revision_number', '+', 1),
      }))
      .where('id', 'in', page)
      .where('status', '!=', status)
      .execute();
    return [];
  });
}

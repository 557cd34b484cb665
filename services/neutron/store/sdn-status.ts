// Statuses of ports and floating IPs, as OVN reports them. Used by ovn/ alone. A status is visible
// in the API, so a change bumps the revision; rows that have the status already are not touched.
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

/** Ports that have a device and are none of Neutron's own: those that hosts plug in. */
export async function readGuestPorts(db: Db): Promise<Pick<PortRow, 'id'>[]> {
  return await db
    .selectFrom('ports')
    .select('id')
    .where('device_id', '!=', '')
    .where('device_owner', 'not like', 'network:%')
    .execute();
}

/** ACTIVE ports that are none of Neutron's own. */
export async function readActivePorts(db: Db): Promise<PortInUse[]> {
  return await db
    .selectFrom('ports')
    .select(columns)
    .where('status', '=', 'ACTIVE')
    .where('device_owner', 'not like', 'network:%')
    .execute();
}

/** Sets the status of those among `ids` that have another one. */
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

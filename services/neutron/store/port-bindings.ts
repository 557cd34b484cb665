// A port's bindings to hosts. The active one is in columns of the port's row; inactive ones, which
// a live migration prepares, are rows of `port_bindings`.
import { changeRow } from './objects.ts';
import { markChanged } from './sdn-journal.ts';
import type { PortBindingRow, PortRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export interface PortBinding extends PortBindingRow {
  status: 'ACTIVE' | 'INACTIVE';
}

/** All bindings of a port: the active one first, the others by host. */
export async function bindingsOf(db: NeutronDb, port: PortRow): Promise<PortBinding[]> {
  const active: PortBinding[] =
    port.binding_host_id === ''
      ? []
      : [
          {
            port_id: port.id,
            host: port.binding_host_id,
            vnic_type: port.binding_vnic_type,
            profile_json: port.binding_profile_json,
            vif_type: port.binding_vif_type,
            status: 'ACTIVE',
          },
        ];
  const others = await db
    .selectFrom('port_bindings')
    .selectAll()
    .where('port_id', '=', port.id)
    .orderBy('host')
    .execute();
  return [...active, ...others.map((row) => ({ ...row, status: 'INACTIVE' as const }))];
}

/** Adds an inactive binding. */
export async function insertBinding(trx: NeutronTrx, row: PortBindingRow): Promise<void> {
  await trx.insertInto('port_bindings').values(row).execute();
  await markChanged(trx, [{ kind: 'port', id: row.port_id }]);
}

export async function changeBinding(
  trx: NeutronTrx,
  { port_id: portId, host, ...changes }: PortBindingRow,
): Promise<void> {
  await trx
    .updateTable('port_bindings')
    .set(changes)
    .where('port_id', '=', portId)
    .where('host', '=', host)
    .execute();
}

/** Deletes the inactive binding to `host`, or all inactive ones. */
export async function deleteBindings(
  trx: NeutronTrx,
  portId: string,
  host?: string,
): Promise<void> {
  let deletion = trx.deleteFrom('port_bindings').where('port_id', '=', portId);
  if (host !== undefined) deletion = deletion.where('host', '=', host);
  await deletion.execute();
  await markChanged(trx, [{ kind: 'port', id: portId }]);
}

/** The binding as columns of the port's row, where the active one is kept. */
export const asActive = (binding: PortBindingRow): Partial<PortRow> => ({
  binding_host_id: binding.host,
  binding_vnic_type: binding.vnic_type,
  binding_profile_json: binding.profile_json,
  binding_vif_type: binding.vif_type,
});

/**
 * Makes the binding the active one. The one that was active becomes inactive, and the port is DOWN
 * until OVN reports it plugged in on the new host.
 */
export async function activateBinding(
  trx: NeutronTrx,
  port: PortRow,
  binding: PortBindingRow,
  nowMs: number,
): Promise<void> {
  await deleteBindings(trx, port.id, binding.host);
  if (port.binding_host_id !== '')
    await insertBinding(trx, {
      port_id: port.id,
      host: port.binding_host_id,
      vnic_type: port.binding_vnic_type,
      profile_json: port.binding_profile_json,
      vif_type: 'unbound',
    });
  await changeRow(trx, 'ports', port.id, asActive(binding), nowMs);
  await markChanged(trx, [{ kind: 'port', id: port.id }]);
}

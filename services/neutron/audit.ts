// Neutron's own view for `cobalt doctor --audit`: its ports, and where its tables disagree.
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NeutronDeps } from './deps.ts';
import { inconsistencies } from './store/audit.ts';

export async function neutronAudit({ database: { db } }: Pick<NeutronDeps, 'database'>): Promise<Omit<NeutronAudit, 'sdn'>> {
  const ports = await db.selectFrom('ports').select(['id', 'network_id', 'project_id', 'status', 'device_id', 'device_owner', 'binding_host_id']).execute();
  return {
    ports: ports.map((port) => ({ id: port.id, networkId: port.network_id, projectId: port.project_id, status: port.status, deviceId: port.device_id, deviceOwner: port.device_owner, host: port.binding_host_id })),
    inconsistencies: await inconsistencies(db),
  };
}

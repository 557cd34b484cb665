// Neutron's own view for `cobalt doctor --audit`: its ports, and where its tables disagree.
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NeutronDeps } from './deps.ts';
import { auditedPorts, inconsistencies } from './store/audit.ts';

export async function neutronAudit({
  database: { db },
}: Pick<NeutronDeps, 'database'>): Promise<Omit<NeutronAudit, 'sdn'>> {
  return { ports: await auditedPorts(db), inconsistencies: await inconsistencies(db) };
}

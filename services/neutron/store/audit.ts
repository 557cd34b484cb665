// Neutron's part of an audit: its ports, and rows that refer to missing rows. Transactions should
// prevent the latter; this verifies it.
import { sql } from 'kysely';
import type { AuditPort, NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NeutronDb } from './write.ts';

const checks: readonly { what: string; query: string }[] = [
  {
    what: 'address of no port',
    query:
      'select a.ip as subject from ip_allocations a left join ports p on p.id = a.port_id where p.id is null',
  },
  {
    what: 'address of no subnet',
    query:
      'select a.ip as subject from ip_allocations a left join subnets s on s.id = a.subnet_id where s.id is null',
  },
  {
    what: 'port of no network',
    query:
      'select p.id as subject from ports p left join networks n on n.id = p.network_id where n.id is null',
  },
  {
    what: 'subnet of no network',
    query:
      'select s.id as subject from subnets s left join networks n on n.id = s.network_id where n.id is null',
  },
  {
    what: 'router port of no router',
    query:
      "select p.id as subject from ports p left join routers r on r.id = p.device_id where p.device_owner in ('network:router_interface', 'network:router_gateway') and r.id is null",
  },
  {
    what: 'gateway without its port',
    query:
      'select r.id as subject from routers r left join ports p on p.id = r.gateway_port_id where r.gateway_port_id is not null and p.id is null',
  },
  {
    what: 'floating IP without its port',
    query:
      'select f.id as subject from floating_ips f left join ports p on p.id = f.floating_port_id where p.id is null',
  },
  {
    what: 'floating IP port of no floating IP',
    query:
      "select p.id as subject from ports p left join floating_ips f on f.floating_port_id = p.id where p.device_owner = 'network:floatingip' and f.id is null",
  },
  {
    what: 'floating IP to no port',
    query:
      'select f.id as subject from floating_ips f left join ports p on p.id = f.fixed_port_id where f.fixed_port_id is not null and p.id is null',
  },
  {
    what: 'rule of no security group',
    query:
      'select r.id as subject from security_group_rules r left join security_groups g on g.id = r.security_group_id where g.id is null',
  },
  {
    what: 'port in no security group',
    query:
      'select x.port_id as subject from port_security_groups x left join security_groups g on g.id = x.security_group_id where g.id is null',
  },
];

export async function inconsistencies(db: NeutronDb): Promise<string[]> {
  const found: string[] = [];
  for (const { what, query } of checks) {
    const { rows } = await sql<{ subject: string }>`${sql.raw(query)}`.execute(db);
    found.push(...rows.map(({ subject }) => `${what}: ${subject}`));
  }
  return found;
}

export async function auditedPorts(db: NeutronDb): Promise<AuditPort[]> {
  const ports = await db
    .selectFrom('ports')
    .select([
      'id',
      'network_id',
      'project_id',
      'status',
      'device_id',
      'device_owner',
      'binding_host_id',
    ])
    .execute();
  return ports.map((port) => ({
    id: port.id,
    networkId: port.network_id,
    projectId: port.project_id,
    status: port.status,
    deviceId: port.device_id,
    deviceOwner: port.device_owner,
    host: port.binding_host_id,
  }));
}

/** Neutron's own view for `cobalt doctor --audit`: its ports, and where its tables disagree. */
export async function neutronAudit(db: NeutronDb): Promise<Omit<NeutronAudit, 'sdn'>> {
  return { ports: await auditedPorts(db), inconsistencies: await inconsistencies(db) };
}

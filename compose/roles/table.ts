// The table of roles: every service of the control plane, by the name of its database. A process
// runs all of them (embedded) or those it is told to.
import type { Role } from '#openstack/role.ts';
import type { CloudProcess } from '../process.ts';
import type { DatabaseName } from '../state-files.ts';
import { cinder } from './cinder.ts';
import { glance } from './glance.ts';
import { keystone } from './keystone.ts';
import { neutron } from './neutron.ts';
import { nova } from './nova.ts';
import { placement } from './placement.ts';
import type { ServiceEntry } from './service-entry.ts';

export const services = {
  keystone,
  glance,
  placement,
  nova,
  neutron,
  cinder,
} as const satisfies Readonly<Record<DatabaseName, ServiceEntry>>;

/** Every role of every service, made of what the process has; by database. */
export async function makeRoles(process: CloudProcess): Promise<Map<DatabaseName, Role[]>> {
  const rolesByDatabase = new Map<DatabaseName, Role[]>();
  for (const [name, { roles }] of Object.entries<ServiceEntry>(services)) {
    const ofService: Role[] = [];
    for (const make of Object.values(roles)) ofService.push(await make(process));
    rolesByDatabase.set(name as DatabaseName, ofService); // a key of the table
  }
  return rolesByDatabase;
}

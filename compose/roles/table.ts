// The table of roles: every service of the control plane, by the name of its database. A process
// runs all roles (embedded) or those it is configured for, and loads only their code.
import type { Role } from '#openstack/role.ts';
import type { CloudProcess } from '../process.ts';
import type { DatabaseName } from '../state-files.ts';
import type { ServiceEntry } from './service-entry.ts';

export const rolesOf = {
  keystone: ['keystone'],
  glance: ['glance'],
  placement: ['placement'],
  nova: ['nova-api', 'nova-metadata', 'nova-conductor', 'nova-scheduler'],
  neutron: ['neutron-api', 'neutron-ovn-writer'],
  cinder: ['cinder-api', 'cinder-scheduler', 'cinder-volume', 'cinder-backup'],
  ha: ['ha-api', 'ha-engine'],
} as const satisfies Readonly<Record<DatabaseName, readonly string[]>>;

/** Role names as `cobalt serve` takes them, e.g. 'nova-api'. */
export type RoleName = (typeof rolesOf)[DatabaseName][number];

export const roleNames: readonly RoleName[] = Object.values(rolesOf).flat();

const loaders: Readonly<Record<DatabaseName, () => Promise<ServiceEntry>>> = {
  keystone: async () => (await import('./keystone.ts')).keystone,
  glance: async () => (await import('./glance.ts')).glance,
  placement: async () => (await import('./placement.ts')).placement,
  nova: async () => (await import('./nova.ts')).nova,
  neutron: async () => (await import('./neutron.ts')).neutron,
  cinder: async () => (await import('./cinder.ts')).cinder,
  ha: async () => (await import('./ha.ts')).ha,
};

export const loadService = async (name: DatabaseName): Promise<ServiceEntry> =>
  await loaders[name]();

/** The databases that these roles need. */
export const databasesOf = (wanted: readonly RoleName[]): DatabaseName[] =>
  (Object.keys(rolesOf) as DatabaseName[]) // cast: Object.keys forgets the type of its keys
    .filter((name) => rolesOf[name].some((role) => wanted.includes(role)));

/** Creates the wanted roles, all by default; grouped by database. */
export async function makeRoles(
  process: CloudProcess,
  wanted: readonly RoleName[] = roleNames,
): Promise<Map<DatabaseName, Role[]>> {
  const rolesByDatabase = new Map<DatabaseName, Role[]>();
  for (const database of databasesOf(wanted)) {
    const { roles } = await loadService(database);
    const ofService: Role[] = [];
    for (const name of rolesOf[database]) {
      const make = roles[name];
      if (!make) throw new Error(`the role ${name} is not in compose/roles/${database}.ts`);
      if (wanted.includes(name)) ofService.push(await make(process));
    }
    rolesByDatabase.set(database, ofService);
  }
  return rolesByDatabase;
}

// A service in the table of roles: its database and the functions that create its roles.
import type { Role } from '#openstack/role.ts';
import type { Migration } from '#platform/db/migrate.ts';
import type { CloudProcess } from '../process.ts';

export interface ServiceEntry {
  migrations: readonly Migration[];
  /** By role name, the function that creates the role. */
  roles: Readonly<Record<string, (process: CloudProcess) => Role | Promise<Role>>>;
}

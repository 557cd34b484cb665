// A service in the table of roles: its database and how each of its roles is made.
import type { Role } from '#openstack/role.ts';
import type { Migration } from '#platform/db/migrate.ts';
import type { CloudProcess } from '../process.ts';

export interface ServiceEntry {
  migrations: readonly Migration[];
  /** By name of the role. Each makes its role of what the process has. */
  roles: Readonly<Record<string, (process: CloudProcess) => Role | Promise<Role>>>;
}

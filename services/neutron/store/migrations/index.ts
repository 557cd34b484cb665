// Neutron's migrations, in order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { namedLocksMigration } from '#platform/db/named-lock.ts';
import { networks } from './0001-networks.ts';
import { routers } from './0002-routers.ts';
import { securityGroups } from './0003-security-groups.ts';
import { subnetPools } from './0004-subnet-pools.ts';
import { autoTopologies } from './0005-auto-topologies.ts';
import { deletedAgents } from './0006-deleted-agents.ts';
import { addressesByNetwork } from './0008-addresses-by-network.ts';
import { portBindings } from './0009-port-bindings.ts';

export const migrations: readonly Migration[] = [
  networks,
  routers,
  securityGroups,
  subnetPools,
  autoTopologies,
  deletedAgents,
  namedLocksMigration('0007-named-locks'),
  addressesByNetwork,
  portBindings,
];

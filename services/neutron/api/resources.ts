// The list of all kinds of objects (see resource.ts).
import { floatingIps } from './floating-ips.ts';
import { networks } from './networks.ts';
import { ports } from './ports.ts';
import type { AnyResource } from './resource.ts';
import { routers } from './routers.ts';
import { securityGroupRules, securityGroups } from './security-groups.ts';
import { subnetPools } from './subnetpools.ts';
import { subnets } from './subnets.ts';

export const resources: readonly AnyResource[] = [
  networks,
  subnets,
  subnetPools,
  ports,
  routers,
  floatingIps,
  securityGroups,
  securityGroupRules,
];

// All OVN rows of the given facts. Pure. Called by the writer for changed objects and for full
// comparisons.
import type { SdnRow } from '#ports/sdn.ts';
import type { ChassisFacts, Facts } from '../domain/sdn-facts.ts';
import { subnetRows } from './dhcp-rows.ts';
import { dropGroupRows, groupRows } from './group-rows.ts';
import { networkRows } from './network-rows.ts';
import { portRows } from './port-rows.ts';
import { floatingIpRows, routerRows } from './router-rows.ts';

export function rowsOf(facts: Facts, chassis: readonly ChassisFacts[]): SdnRow[] {
  return [
    ...dropGroupRows,
    ...facts.networks.flatMap(networkRows),
    ...facts.subnets.flatMap(subnetRows),
    ...facts.groups.flatMap(groupRows),
    ...facts.ports.flatMap(portRows),
    ...facts.routers.flatMap((router) => routerRows(router, chassis)),
    ...facts.floatingIps.flatMap(floatingIpRows),
  ];
}

// A server as administrators see it, for tests of code that reads the fleet.
import type { FleetServer } from './nova-fleet.ts';

/** A running server on the host, with one CPU and 512 MiB. */
export const fleetServer = (
  id: string,
  host: string,
  more: Partial<FleetServer> = {},
): FleetServer => ({
  id,
  name: id,
  status: 'ACTIVE',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 1,
  'OS-EXT-SRV-ATTR:host': host,
  flavor: { ram: 512, vcpus: 1 },
  ...more,
});

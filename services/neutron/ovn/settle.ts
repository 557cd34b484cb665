// Sets the status of router ports and floating IPs, which work as soon as OVN has their rows. The
// status of guest ports follows their bindings (bindings.ts).
import type { NeutronDeps } from '../deps.ts';
import { isRouterPort } from '../domain/port-owner.ts';
import type { Facts } from '../domain/sdn-facts.ts';
import { setStatuses } from '../store/sdn-status.ts';

export async function settle(
  { database: { db }, clock }: Pick<NeutronDeps, 'database' | 'clock'>,
  { ports, floatingIps }: Facts,
): Promise<void> {
  const now = clock.now();
  const isStale = (each: { status: string }, up: boolean): boolean =>
    each.status !== (up ? 'ACTIVE' : 'DOWN');
  for (const up of [true, false]) {
    const status = up ? 'ACTIVE' : 'DOWN';
    await setStatuses(
      db,
      'ports',
      ports
        .filter(
          (port) =>
            isRouterPort(port.deviceOwner) &&
            port.deviceId !== '' &&
            port.adminUp === up &&
            isStale(port, up),
        )
        .map(({ id }) => id),
      status,
      now,
    );
    await setStatuses(
      db,
      'floating_ips',
      floatingIps
        .filter((each) => (each.target !== null) === up && isStale(each, up))
        .map(({ id }) => id),
      status,
      now,
    );
  }
}

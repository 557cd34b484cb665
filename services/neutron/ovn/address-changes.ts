// Detects address changes that were made outside Nova and returns `network-changed` events for
// them, so that Nova refreshes its network info cache. Past addresses are in memory only: a change
// missed over a restart is found by Nova's own periodic refresh.
import type { ServerExternalEvent } from '#contracts/nova/wire.ts';
import type { Facts, FloatingIpFacts, PortFacts } from '../domain/sdn-facts.ts';
import type { Wanted } from '../store/sdn-facts.ts';

interface Shown {
  readonly serverId: string;
  readonly portId: string;
  readonly addresses: string;
}

export class AddressChanges {
  readonly #ports = new Map<string, Shown>();
  readonly #floatingIps = new Map<string, Shown>();
  /**
   * False until all objects were read once: before that nothing can be compared, so no event is
   * sent.
   */
  #seenAll = false;

  /**
   * Call after a write to OVN: `facts` are those of the `wanted` objects; one without facts is
   * deleted.
   */
  take(facts: Facts, wanted: Wanted): ServerExternalEvent[] {
    const events = [
      ...this.#differences(this.#ports, facts.ports, wanted.port, shownPort, (was, now) =>
        now === undefined ? [event('network-vif-deleted', was)] : [event('network-changed', now)],
      ),
      ...this.#differences(
        this.#floatingIps,
        facts.floatingIps,
        wanted.floating_ip,
        shownFloatingIp,
        (was, now) => [
          event('network-changed', was),
          ...(now ? [event('network-changed', now)] : []),
        ],
      ),
      ...this.#first(facts.floatingIps, wanted.floating_ip),
    ];
    for (const row of facts.ports) keep(this.#ports, row.id, shownPort(row));
    for (const row of facts.floatingIps) keep(this.#floatingIps, row.id, shownFloatingIp(row));
    return this.#seenAll
      ? [
          ...new Map(
            events.map((each) => [`${each.name} ${each.server_uuid} ${each.tag}`, each]),
          ).values(),
        ]
      : [];
  }

  /** All objects were read: from now on differences are reported as changes. */
  sawAll(): void {
    this.#seenAll = true;
  }

  #differences<F extends { id: string }>(
    before: Map<string, Shown>,
    rows: readonly F[],
    wanted: ReadonlySet<string>,
    shown: (row: F) => Shown | undefined,
    tell: (was: Shown, now: Shown | undefined) => ServerExternalEvent[],
  ): ServerExternalEvent[] {
    const byId = new Map(rows.map((row) => [row.id, row]));
    return [...wanted].flatMap((id) => {
      const [was, row] = [before.get(id), byId.get(id)];
      if (!was) return [];
      const now = row && shown(row);
      if (!now) before.delete(id);
      return now?.serverId === was.serverId &&
        now.addresses === was.addresses &&
        now.portId === was.portId
        ? []
        : tell(was, now);
    });
  }

  /** Floating IPs that are now associated with a server and were not before. */
  #first(rows: readonly FloatingIpFacts[], wanted: ReadonlySet<string>): ServerExternalEvent[] {
    return rows.flatMap((row) => {
      const now =
        wanted.has(row.id) && !this.#floatingIps.has(row.id) ? shownFloatingIp(row) : undefined;
      return now ? [event('network-changed', now)] : [];
    });
  }
}

function keep(map: Map<string, Shown>, id: string, shown: Shown | undefined): void {
  if (shown) map.set(id, shown);
  else map.delete(id);
}

function shownPort({ id, deviceId, deviceOwner, fixedIps, mac }: PortFacts): Shown | undefined {
  if (deviceId === '' || !deviceOwner.startsWith('compute:')) return undefined;
  return {
    serverId: deviceId,
    portId: id,
    addresses: [mac, ...fixedIps.map(({ ip }) => ip)].join(' '),
  };
}

function shownFloatingIp({ ip, target }: FloatingIpFacts): Shown | undefined {
  return target === null || target.serverId === null
    ? undefined
    : { serverId: target.serverId, portId: target.portId, addresses: `${ip} ${target.ip}` };
}

const event = (
  name: ServerExternalEvent['name'],
  { serverId, portId }: Shown,
): ServerExternalEvent => ({
  name,
  server_uuid: serverId,
  tag: portId,
  status: 'completed',
});

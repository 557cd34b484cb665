// The driver of the port `host-network` for Open vSwitch and ovn-controller: uses the host's own
// database, the bindings of its chassis in the southbound database, and network namespaces for
// metadata. Only compose names this driver.
import type { Server, Socket } from 'node:net';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { HostNetworkFacts, TunnelHealth } from '#contracts/neutron/host-network.ts';
import type { Log } from '#platform/log.ts';
import type { HostNetwork, HostNetworkListeners, LocalNetwork } from '#ports/host-network.ts';
import { OvsdbClient } from './client.ts';
import { OvsdbDisconnected, OvsdbError, OvsdbTimeout, OvsdbTransactionError } from './errors.ts';
import { HostToolFailed, type Enter } from './host-tool.ts';
import { listenInNetns } from './listen-in-netns.ts';
import { localNetworks } from './local-networks.ts';
import {
  interfaceOf,
  isEndpoint,
  isInPlace,
  listEndpoints,
  netnsOf,
  putInPlace,
  removeNetns,
} from './metadata-endpoint.ts';
import { openVswitch } from './open-vswitch.gen.ts';
import { operationsOf } from './operations.ts';
import { peerAddress } from './peer-address.ts';
import type { Replica } from './replica.ts';
import { southbound } from './southbound.gen.ts';
import { askDaemon } from './unixctl.ts';

export interface OvsHostNetworkOptions {
  /** Remote of the host's own database: `unix:/run/openvswitch/db.sock`. */
  ovsdb: string;
  southbound: readonly string[];
  /** Folders of the daemons' control sockets: `/run/openvswitch`, `/run/ovn`. */
  runFolders: { openvswitch: string; ovn: string };
  /** Prefix of commands on the host: `['nsenter', '-t', '123', '-m', …]`; [] on a real node. */
  enter: Enter;
  /** How long a call waits for a database that does not answer. */
  awayTimeoutMs?: number; // default 5 s
}

const integrationBridge = 'br-int';
const metadataHttpPort = 80;
const askDaemonMs = 2_000;
const plugMs = 5_000;

const ovs = operationsOf(openVswitch);
const ovsSelection = {
  Open_vSwitch: { columns: ['external_ids', 'bridges'] },
  Bridge: { columns: ['name', 'ports'] },
  Port: { columns: ['name', 'interfaces', 'external_ids'] },
  Interface: {
    columns: ['name', 'type', 'ofport', 'ifindex', 'error', 'bfd_status', 'external_ids'],
  },
} as const;
const bindingColumns = ['logical_port', 'type', 'chassis', 'mac', 'external_ids'] as const;
const chassisSelection = { Chassis: { columns: ['name'] } } as const;
type Bindings = Replica<
  typeof southbound,
  { readonly Port_Binding: { readonly columns: typeof bindingColumns } }
>;

export function createOvsHostNetwork(
  options: OvsHostNetworkOptions,
  deps: { log: Log },
  listeners: HostNetworkListeners = {},
): HostNetwork {
  return new OvsHostNetwork(options, deps, listeners);
}

class OvsHostNetwork implements HostNetwork {
  readonly #options: OvsHostNetworkOptions;
  readonly #awayTimeoutMs: number;
  readonly #changed: () => void;
  readonly #switch: OvsdbClient<typeof openVswitch>;
  readonly #south: OvsdbClient<typeof southbound>;
  readonly #switchRows: Replica<typeof openVswitch, typeof ovsSelection>;
  readonly #chassisRows: Replica<typeof southbound, typeof chassisSelection>;
  /** Bindings of the chassis with this UUID, which changes when ovn-controller registers again. */
  #bindings: { chassis: string; rows: Bindings; isKnown: boolean } | undefined;

  constructor(
    options: OvsHostNetworkOptions,
    { log }: { log: Log },
    listeners: HostNetworkListeners,
  ) {
    this.#options = options;
    this.#awayTimeoutMs = options.awayTimeoutMs ?? 5_000;
    this.#changed = () => listeners.changed?.();
    this.#switch = new OvsdbClient(
      { remotes: [options.ovsdb], schema: openVswitch, connectTimeoutMs: this.#awayTimeoutMs },
      { log },
    );
    this.#south = new OvsdbClient(
      { remotes: options.southbound, schema: southbound, connectTimeoutMs: this.#awayTimeoutMs },
      { log },
    );
    const follow = (): void => this.#followChassis();
    this.#switchRows = this.#switch.replicate(ovsSelection, {
      onChanges: (changes) => {
        // An interface that was recreated has another ofport number.
        if (
          changes.some(
            ({ table, old, now }) =>
              table === 'Interface' &&
              old !== null &&
              now !== null &&
              isEndpoint(now.name) &&
              old.ifindex !== now.ifindex,
          )
        )
          listeners.endpointsLost?.();
      },
      onTrue: follow,
    });
    this.#chassisRows = this.#south.replicate(chassisSelection, {
      onChanges: follow,
      onTrue: follow,
    });
  }

  async facts(): Promise<Outcome<HostNetworkFacts>> {
    return await outcomeOf(async () => {
      await this.#switchRows.ready(this.#awayTimeoutMs);
      const ids = this.#ids();
      const { openvswitch, ovn } = this.#options.runFolders;
      const [alive, connection] = await Promise.all([
        askDaemon(openvswitch, 'ovs-vswitchd', 'version', askDaemonMs),
        askDaemon(ovn, 'ovn-controller', 'connection-status', askDaemonMs),
      ]);
      return {
        chassis: ids['system-id'] ?? '',
        hostname: ids['hostname'] ?? '',
        encapIp: ids['ovn-encap-ip'] ?? '',
        encapTypes: (ids['ovn-encap-type'] ?? '').split(',').filter(Boolean),
        bridgeMappings: Object.fromEntries(
          (ids['ovn-bridge-mappings'] ?? '')
            .split(',')
            .filter(Boolean)
            .map((pair) => pair.split(':').map((word) => word.trim()) as [string, string]),
        ), // ovn-controller(8): physnet:bridge
        health: {
          switchAlive: alive !== null,
          controllerConnected: connection?.trim() === 'connected',
          tunnels: this.#tunnels(),
        },
      };
    });
  }

  networks(): readonly LocalNetwork[] | null {
    if (!this.#bindings?.isKnown) return null;
    return localNetworks(this.#bindings.rows.rows('Port_Binding').values(), this.#bindings.chassis);
  }

  async endpoints(): Promise<Outcome<string[]>> {
    return await outcomeOf(async () => await listEndpoints(this.#options.enter));
  }

  async ensureEndpoint(network: LocalNetwork): Promise<Outcome<void>> {
    return await outcomeOf(async () => {
      await this.#switchRows.ready(this.#awayTimeoutMs);
      const name = interfaceOf(network.id);
      if (
        this.#isPlugged(name, network.metadataPort.id) &&
        (await isInPlace(this.#options.enter, network))
      )
        return undefined;
      const planned = await this.#plug(name, network.metadataPort);
      if (!planned)
        return fault('unavailable', `There is no ${integrationBridge}: ovn-controller makes it.`);
      await this.#until(
        () => this.#isPlugged(name, network.metadataPort.id),
        `${name} is plugged in`,
      );
      await putInPlace(this.#options.enter, network);
      return undefined;
    });
  }

  async listen(networkId: string): Promise<Outcome<Server>> {
    return await outcomeOf(
      async () => await listenInNetns(this.#options.enter, netnsOf(networkId), metadataHttpPort),
    );
  }

  async peerAddress(networkId: string, socket: Socket): Promise<Outcome<string>> {
    return await outcomeOf(
      async () => await peerAddress(this.#options.enter, netnsOf(networkId), socket),
    );
  }

  async removeEndpoint(networkId: string): Promise<Outcome<void>> {
    return await outcomeOf(async () => {
      await this.#switchRows.ready(this.#awayTimeoutMs);
      await this.#unplug([interfaceOf(networkId)]);
      await removeNetns(this.#options.enter, networkId);
      return undefined;
    });
  }

  async removeStalePorts(): Promise<Outcome<string[]>> {
    return await outcomeOf(async () => {
      await this.#switchRows.ready(this.#awayTimeoutMs);
      // ovs-vswitchd reports this error for an interface that no longer exists on the host: `could
      // not open network device vnet0 (No such device)`.
      const stale = [...this.#switchRows.rows('Interface').values()]
        .filter(
          ({ type, error, external_ids }) =>
            type === '' &&
            external_ids['iface-id'] !== undefined &&
            error !== null &&
            error.includes('No such device'),
        )
        .map(({ name }) => name);
      await this.#unplug(stale);
      return stale;
    });
  }

  async close(): Promise<void> {
    this.#switch.close();
    this.#south.close();
  }

  #ids(): Readonly<Record<string, string>> {
    const [root] = this.#switchRows.rows('Open_vSwitch').values();
    return root?.external_ids ?? {};
  }

  #followChassis(): void {
    const name = this.#ids()['system-id'];
    const [uuid] =
      [...this.#chassisRows.rows('Chassis')].find(([, row]) => row.name === name) ?? [];
    if (uuid === undefined || uuid === this.#bindings?.chassis) return;
    this.#bindings?.rows.close();
    const rows = this.#south.replicate(
      {
        Port_Binding: {
          columns: bindingColumns,
          where: [
            ['chassis', '==', uuid],
            ['type', '==', 'localport'],
          ],
        },
      },
      {
        onChanges: this.#changed,
        onTrue: () => {
          if (this.#bindings?.chassis === uuid) this.#bindings.isKnown = true;
          this.#changed();
        },
      },
    );
    this.#bindings = { chassis: uuid, rows, isKnown: false };
  }

  #tunnels(): TunnelHealth[] {
    const interfaces = this.#switchRows.rows('Interface');
    return [...this.#switchRows.rows('Port').values()].flatMap(
      ({ external_ids, interfaces: [uuid = ''] }): TunnelHealth[] => {
        const id = external_ids['ovn-chassis-id']; // `h2@172.31.0.12`: ovn-controller(8)
        const status = interfaces.get(uuid)?.bfd_status ?? {};
        return id === undefined
          ? []
          : [
              {
                chassis: id.split('@')[0] ?? id,
                state:
                  status['state'] === undefined
                    ? 'unmonitored'
                    : status['state'] === 'up'
                      ? 'up'
                      : 'down',
              },
            ];
      },
    );
  }

  #isPlugged(name: string, portId: string): boolean {
    for (const row of this.#switchRows.rows('Interface').values())
      if (row.name === name)
        return row.external_ids['iface-id'] === portId && row.ofport !== null && row.ofport > 0;
    return false;
  }

  /** Plugs the interface into the integration bridge; returns false if that does not exist. */
  async #plug(name: string, port: LocalNetwork['metadataPort']): Promise<boolean> {
    const bridge = [...this.#switchRows.rows('Bridge')].find(
      ([, row]) => row.name === integrationBridge,
    )?.[0];
    if (bridge === undefined) return false;
    const expected = { type: 'internal', external_ids: { 'iface-id': port.id }, mac: port.mac };
    const nextConfig = ovs.mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]);
    if ([...this.#switchRows.rows('Interface').values()].some((row) => row.name === name)) {
      await this.#switch.transact([
        ovs.update('Interface', [['name', '==', name]], expected),
        nextConfig,
      ]);
      return true;
    }
    await this.#switch.transact([
      ovs.insert('Interface', { name, ...expected }, { uuidName: 'interface' }),
      ovs.insert('Port', { name, interfaces: [{ named: 'interface' }] }, { uuidName: 'port' }),
      ovs.mutate('Bridge', [['_uuid', '==', bridge]], [['ports', 'insert', [{ named: 'port' }]]]),
      nextConfig,
    ]);
    return true;
  }

  async #unplug(names: readonly string[]): Promise<void> {
    const ports = [...this.#switchRows.rows('Port')]
      .filter(([, row]) => names.includes(row.name))
      .map(([uuid]) => uuid);
    if (ports.length === 0) return;
    await this.#switch.transact([
      ovs.mutate('Bridge', [], [['ports', 'delete', ports]]),
      ovs.mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]),
    ]);
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + plugMs;
    while (!isSo()) {
      if (performance.now() > deadline) throw new OvsdbTimeout(`not in ${plugMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function outcomeOf<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OvsdbTimeout) return fault('timeout', `Open vSwitch: ${error.message}`);
    if (
      error instanceof OvsdbTransactionError ||
      error instanceof OvsdbDisconnected ||
      error instanceof OvsdbError
    )
      return fault('unavailable', `Open vSwitch: ${error.message}`);
    if (error instanceof HostToolFailed) return fault('unavailable', error.message);
    throw error;
  }
}

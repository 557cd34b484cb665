// Client for Nova's API, for components that look after all hosts (the Hypervisor Operator, Cortex,
// the HA Service): hypervisors and their services, and the servers that are moved between them.
// https://docs.openstack.org/api-ref/compute/
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Ask, ClientDeps } from './call.ts';
import { askService, documentOf, itself, succeeded } from './call.ts';

/** An entry of GET /os-hypervisors/detail with servers, at 2.90. */
export interface FleetHypervisor {
  id: string;
  hypervisor_hostname: string;
  hypervisor_type?: string;
  hypervisor_version?: number;
  state: 'up' | 'down';
  status: 'enabled' | 'disabled';
  service: { id: string; host: string; disabled_reason: string | null };
  servers?: { uuid: string; name: string }[];
}

/** A server, by GET /servers/{id} at 2.90: the fields that evictions and recoveries read. */
export interface FleetServer {
  id: string;
  name: string;
  status: string;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-STS:power_state': number;
  'OS-EXT-SRV-ATTR:host': string | null;
  flavor: { ram: number; vcpus: number; extra_specs?: Record<string, string> };
  metadata?: Record<string, string>;
  /** Its image; '' for a server that boots from a volume. */
  image?: { id: string } | '';
  fault?: { message: string };
}

export interface FleetAggregate {
  id: number;
  uuid: string;
  name: string;
  hosts: string[];
  metadata: Record<string, string>;
}

/** An entry of GET /os-migrations, at 2.59 or later. */
export interface FleetMigration {
  uuid: string;
  status: string;
  instance_uuid: string;
}

/**
 * Calls to Nova about all hosts. Faults of every call: unavailable, timeout; and Nova's refusal as
 * notFound (404), unavailable (5xx) or conflict (any other status), with Nova's message, and its
 * status in `detail`.
 */
export interface NovaFleet {
  hypervisors(): Promise<Outcome<FleetHypervisor[]>>;
  /** Enables a compute service; also ends `forced_down`. */
  enableService(id: string): Promise<Outcome<void>>;
  disableService(id: string, reason: string): Promise<Outcome<void>>;
  deleteService(id: string): Promise<Outcome<void>>;
  server(id: string): Promise<Outcome<FleetServer>>;
  /** All servers on the host, of all projects. */
  serversOn(host: string): Promise<Outcome<FleetServer[]>>;
  /** Live-migrates to a host that Nova chooses. conflict: the server cannot be moved now. */
  liveMigrate(id: string): Promise<Outcome<void>>;
  /** Cold-migrates a server. */
  migrate(id: string): Promise<Outcome<void>>;
  confirmResize(id: string): Promise<Outcome<void>>;
  /** Migrations away from the host that have not ended: they still hold resources on it. */
  openMigrationsFrom(host: string): Promise<Outcome<FleetMigration[]>>;
  /** Servers of the caller's own project whose names start with the prefix. */
  ownServers(prefix: string): Promise<Outcome<FleetServer[]>>;
  /**
   * Creates a server on exactly this host, without a network. conflict: Nova has no such image or
   * flavor.
   */
  createOn(wanted: {
    name: string;
    image: string;
    flavor: string;
    zone: string;
    host: string;
  }): Promise<Outcome<{ id: string }>>;
  deleteServer(id: string): Promise<Outcome<void>>;
  consoleOutput(id: string): Promise<Outcome<string>>;
  aggregates(): Promise<Outcome<FleetAggregate[]>>;
  addToAggregate(id: number, host: string): Promise<Outcome<void>>;
  removeFromAggregate(id: number, host: string): Promise<Outcome<void>>;
}

const defaultTimeoutMs = 60_000;

/** Statuses that end a migration. Not `finished`, which is to be confirmed or reverted. */
const endedMigrations: ReadonlySet<string> = new Set([
  'completed',
  'confirmed',
  'reverted',
  'failed',
  'error',
  'cancelled',
  'done',
]);

export function novaFleetClient(
  deps: ClientDeps,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): NovaFleet {
  const ask = computeAsker(deps, timeoutMs);
  const askImages = imagesAsker(deps, timeoutMs);
  const one = encodeURIComponent;
  const act = async (id: string, action: Json): Promise<Outcome<void>> =>
    await succeeded(ask('POST', `servers/${one(id)}/action`, action));

  return {
    hypervisors: async () =>
      await documentOf('hypervisors', ask('GET', 'os-hypervisors/detail?with_servers=true')),
    enableService: async (id) =>
      await succeeded(
        ask('PUT', `os-services/${one(id)}`, { status: 'enabled', forced_down: false }),
      ),
    disableService: async (id, reason) =>
      await succeeded(
        ask('PUT', `os-services/${one(id)}`, { status: 'disabled', disabled_reason: reason }),
      ),
    deleteService: async (id) => await succeeded(ask('DELETE', `os-services/${one(id)}`)),
    server: async (id) => await documentOf('server', ask('GET', `servers/${one(id)}`)),
    serversOn: async (host) =>
      await documentOf('servers', ask('GET', `servers/detail?all_tenants=true&host=${one(host)}`)),
    liveMigrate: async (id) =>
      await act(id, { 'os-migrateLive': { host: null, block_migration: 'auto' } }),
    migrate: async (id) => await act(id, { migrate: null }),
    confirmResize: async (id) => await act(id, { confirmResize: null }),
    async openMigrationsFrom(host) {
      const path = `os-migrations?source_compute=${one(host)}`;
      const all = await documentOf<FleetMigration[]>('migrations', ask('GET', path));
      return isFault(all) ? all : all.filter(({ status }) => !endedMigrations.has(status));
    },
    ownServers: async (prefix) =>
      await documentOf('servers', ask('GET', `servers/detail?name=${one(`^${prefix}`)}`)),
    async createOn({ name, image, flavor, zone, host }) {
      const [images, flavors] = [
        await idOfName('images', askImages('GET', `images?name=${one(image)}`), image),
        await idOfName('flavors', ask('GET', 'flavors?limit=1000'), flavor),
      ];
      if (isFault(images)) return images;
      if (isFault(flavors)) return flavors;
      const server = { name, imageRef: images, flavorRef: flavors, networks: 'none' };
      return await documentOf(
        'server',
        ask('POST', 'servers', { server: { ...server, availability_zone: `${zone}:${host}` } }),
      );
    },
    async deleteServer(id) {
      const outcome = await succeeded(ask('DELETE', `servers/${one(id)}`));
      return isFault(outcome) && outcome.kind === 'notFound' ? undefined : outcome;
    },
    async consoleOutput(id) {
      const action = { 'os-getConsoleOutput': { length: 200 } };
      return await documentOf('output', ask('POST', `servers/${one(id)}/action`, action));
    },
    aggregates: async () => await documentOf('aggregates', ask('GET', 'os-aggregates')),
    addToAggregate: async (id, host) =>
      await succeeded(ask('POST', `os-aggregates/${id}/action`, { add_host: { host } })),
    removeFromAggregate: async (id, host) =>
      await succeeded(ask('POST', `os-aggregates/${id}/action`, { remove_host: { host } })),
  };
}

/** The id of the object with that name. */
async function idOfName(
  what: string,
  answer: Promise<Outcome<Json | undefined>>,
  name: string,
): Promise<Outcome<string>> {
  const all = await documentOf<{ id: string; name: string }[]>(what, answer);
  if (isFault(all)) return all;
  return (
    all.find((each) => each.name === name)?.id ??
    fault('conflict', `There is no ${name} among the ${what}.`)
  );
}

/**
 * Makes calls to Nova's API at 2.90, the microversion that the upstream
 * openstack-hypervisor-operator uses; our Nova's newest is 2.95.
 */
export const computeAsker = (deps: ClientDeps, timeoutMs: number): Ask =>
  askService(deps, itself, {
    service: 'compute',
    root: '/v2.1/',
    timeoutMs,
    headers: { 'openstack-api-version': 'compute 2.90' },
    refusal,
  });

/** Makes calls to Glance's API, to look images up. */
export const imagesAsker = (deps: ClientDeps, timeoutMs: number): Ask =>
  askService(deps, itself, { service: 'image', root: '/v2/', timeoutMs, refusal });

/** Converts a refusal by Nova into a fault with Nova's message. */
export function refusal(status: number, body: Json | undefined, path: string): Fault {
  const kind = status >= 500 ? 'unavailable' : status === 404 ? 'notFound' : 'conflict';
  const words = Object.values((body ?? {}) as Record<string, { message?: string }>)[0]?.message;
  return fault(kind, words ?? `Nova refused ${path}: ${status}`, { status: String(status) });
}

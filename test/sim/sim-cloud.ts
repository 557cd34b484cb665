// A whole cloud in this process for simulations: real services on SQLite in a folder, real agents,
// and simulated hosts that the test can manipulate. Its API is called through the real dispatcher,
// without a socket. A later cloud in the same folder continues from its state.
import { Readable } from 'node:stream';
import type { SimBmc } from '#adapters/sim/sim-bmc.ts';
import { isOff } from '#adapters/sim/sim-chassis.ts';
import type { SimHypervisorOptions } from '#adapters/sim/sim-facts.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import type { SimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { createSimImageStore } from '#adapters/sim/sim-image-store.ts';
import { createSimNetwork } from '#adapters/sim/sim-sdn.ts';
import { createSimVolumes } from '#adapters/sim/sim-volumes.ts';
import type { SimWitnesses } from '#adapters/sim/sim-witness.ts';
import { createSimWitnesses } from '#adapters/sim/sim-witness.ts';
import { fileStore, inMemoryStore } from '#adapters/sim/sim-world.ts';
import type { NovaAgentConfig } from '#agents/nova-agent/deps.ts';
import type { Difference } from '#compose/audit-difference.ts';
import { compare } from '#compose/audit.ts';
import { cloudConfigSchema } from '#compose/config.ts';
import type { ControlPlane } from '#compose/control-plane.ts';
import { simulatedFleet } from '#compose/fleet-nodes.ts';
import { prepareHome, readSecrets } from '#compose/home.ts';
import { simulatedHostNames } from '#compose/host-names.ts';
import { type HostFleet, startFleet } from '#compose/hosts.ts';
import { observeHost } from '#compose/observe-host.ts';
import { cinderAudit } from '#compose/roles/cinder.ts';
import { glanceAudit } from '#compose/roles/glance.ts';
import { neutronAudit } from '#compose/roles/neutron.ts';
import { novaAudit } from '#compose/roles/nova.ts';
import { placementAudit } from '#compose/roles/placement.ts';
import { simulatedStorage } from '#compose/storage.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { createServiceSession } from '#openstack/auth/service-session.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { Ids } from '#platform/ids.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { busyVolume } from '#services/cinder/store/audit.ts';
import type { HaConfig } from '#services/ha/deps.ts';
import type { Running, SimControl, SimControlOptions } from './sim-control.ts';
import { startSimControl } from './sim-control.ts';
import { connectionLost } from './sim-process.ts';

export interface SimCloudOptions {
  dir: string;
  hosts: number;
  /** Resources and delays of each host. */
  host?: Omit<SimHypervisorOptions, 'hostname'>;
  agent?: Partial<NovaAgentConfig>;
  /** Whether Nova's scheduler asks Cortex. */
  cortex?: true;
  /** Wraps the HTTP client of the agents. */
  wrapAgentHttp?: (http: HttpClient) => HttpClient;
  /** Settings of the HA Service, which is off by default. */
  ha?: Partial<HaConfig>;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
  /** Keep hosts, volumes and images in memory; only databases are in the folder then. */
  inMemory?: boolean;
  /** Options of the control plane: number of processes, wrappers, password hashing. */
  control?: Partial<
    Omit<
      SimControlOptions,
      'home' | 'secrets' | 'config' | 'clock' | 'ids' | 'log' | 'network' | 'storage' | 'bmcs'
    >
  >;
}

/** Some fields of a server in the compute API. */
export interface ServerDocument {
  id: string;
  name: string;
  status: string;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-SRV-ATTR:host': string | null;
  addresses: Record<string, { addr: string }[]>;
  fault?: { code: number; message: string };
}

export interface SimCloud {
  /** The control plane of a running process. */
  readonly plane: ControlPlane;
  control: SimControl;
  hosts: ReadonlyMap<string, SimHypervisor>;
  bmcs: ReadonlyMap<string, SimBmc>;
  witnesses: SimWitnesses;
  imageId: string;
  /** A network of the project in which servers are created. */
  networkId: string;
  /** Number of operations that an earlier cloud in this folder left unfinished. */
  leftOver: number;
  /** Sends a request as admin, below `/compute/v2.1`, at microversion 2.90. */
  compute(
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Json | undefined }>;
  /** As `compute`, below `/network/v2.0`. */
  network(
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Json | undefined }>;
  /** As `compute`, below `/volume/v3`, at microversion 3.59. */
  volume(
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Json | undefined }>;
  /** As `compute`, below `/image/v2`. */
  image(
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Json | undefined }>;
  /** The id of an available volume of 1 GiB: an existing one, or a new one. */
  freeVolume(): Promise<string>;
  /** Requests a server, by default on the network above, and returns its id at once. */
  createServer(
    name: string,
    options?: { flavor?: string; host?: string; networks?: Json },
  ): Promise<string>;
  act(id: string, action: Json): Promise<number>;
  show(id: string): Promise<ServerDocument | undefined>;
  list(): Promise<ServerDocument[]>;
  /** What the audit finds, and operations that are still in progress. */
  differences(): Promise<Difference[]>;
  /**
   * Resolves with all servers when no operation is in progress and the audit finds nothing. Throws
   * with what it found after `withinMs`.
   */
  quiet(withinMs: number, everyMs?: number): Promise<ServerDocument[]>;
  /** Servers whose guest runs on more than one host at this moment; must always be empty. */
  runningTwice(): string[];
  /** Stops the agents and starts new ones, as after a reboot of every host. */
  restartAgents(): Promise<void>;
  stop(): Promise<void>;
}

/** Final statuses of a server. ERROR is accepted only with a fault message. */
export const restful: ReadonlySet<string> = new Set([
  'ACTIVE',
  'SHUTOFF',
  'PAUSED',
  'SUSPENDED',
  'RESCUE',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'VERIFY_RESIZE',
  'ERROR',
]);

const hostsReadyMs = 20_000;

export async function startSimCloud(options: SimCloudOptions): Promise<SimCloud> {
  const { clock = systemClock, ids = systemIds, log = silentLog } = options;
  const home = sure(await prepareHome(options.dir));
  const defaults = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: {},
    prefix: 'COBALT',
  });
  // No sync: a killed process loses nothing that it has written; only a dead machine would.
  const config = {
    ...defaults,
    database: { synchronous: 'OFF' },
    agent: { ...defaults.agent, ...options.agent },
    cortex: { ...defaults.cortex, enabled: options.cortex ?? false },
    ha: { ...defaults.ha, ...options.ha },
  };
  const secrets = await readSecrets(options.dir, ids);
  const inMemory = options.inMemory ?? false;
  const storage = simulatedStorage(home);
  const chassis = simulatedHostNames(options.hosts);
  const network = createSimNetwork({ chassis, bridgeMappings: 'physnet1:br-ex' }, { clock });
  const bmcs = new Map<string, SimBmc>();
  const control = await startSimControl({
    bmcs: { bmcOf: (host) => bmcs.get(host) },
    home,
    secrets,
    config,
    clock,
    ids,
    log,
    network: {
      openSdn: (listeners) => network.open(listeners),
      publicCidr: '172.24.4.0/24',
    },
    storage: inMemory
      ? {
          ...storage,
          backends: new Map([['sim', createSimVolumes()]]),
          images: createSimImageStore({ clock }),
        }
      : storage,
    processes: 1,
    ...options.control,
  });
  const { bus, http } = control;
  const planeOf = (): ControlPlane => {
    const answering = control.running().find(({ process }) => process.state === 'running');
    return (answering ?? (control.running()[0] as Running)).plane; // cast: one always runs
  };

  const store = inMemory ? inMemoryStore() : fileStore(home.simulated);
  const witnesses = createSimWitnesses((host) => !isOff(store.load(host)));
  const hosts = new Map<string, SimHypervisor>();
  const simulate = (hostname: string): SimHypervisor => {
    const hypervisor = createSimHypervisor(
      { fetchImages: false, ...options.host, hostname },
      { store, clock },
    );
    hosts.set(hostname, hypervisor);
    return hypervisor;
  };
  control.startTasks();
  // The sessions of agents may use any process.
  const session = (name: string): ServiceSession =>
    createServiceSession({
      http,
      clock,
      user: { name, password: secrets.service(name), project: 'service' },
    });
  const beginFleet = async (): Promise<HostFleet> => {
    const fleet = startFleet(
      {
        plane: { bus, http: options.wrapAgentHttp?.(http) ?? http, session },
        homeDir: options.dir,
        simulatedDir: home.simulated,
        config,
        clock,
        ids,
        log,
        version: 'sim',
        acceleration: 'tcg',
        network: null,
        secrets,
        simulate: { store, hypervisorOf: simulate, witnesses },
      },
      simulatedFleet(options.hosts),
    );
    for (const [host, bmc] of fleet.simulatedBmcs) bmcs.set(host, bmc);
    const late = await fleet.ready(hostsReadyMs);
    if (late.length > 0) throw new Error(`no agent on ${late.join(', ')} after ${hostsReadyMs} ms`);
    return fleet;
  };
  let fleet = await beginFleet();
  const admin = createServiceSession({
    http,
    clock,
    user: { name: 'admin', password: secrets.admin, project: 'admin' },
  });
  const send = async (
    service: string,
    method: HttpMethod,
    path: string,
    rest: { body?: Json; stream?: Readable; headers?: Record<string, string> } = {},
  ) => {
    let token = await admin.token();
    while (isFault(token) && isCutOff(token)) token = await admin.token();
    const answer = await http.send({ method, service, path, token: sure(token), ...rest });
    // 502, as from a load balancer.
    if (isFault(answer) && isCutOff(answer)) return { status: 502, body: undefined };
    return sure(answer);
  };

  const imageId = await ensureImage();
  const networkId = await ensureNetwork();
  const leftOver = (await novaAudit(planeOf().process)).sagas.length;
  await control.startSagas();

  async function ensureImage(): Promise<string> {
    const { images } = (await send('image', 'GET', '/v2/images?name=sim&status=active')).body as {
      images: { id: string }[];
    };
    if (images[0]) return images[0].id;
    const { id } = (
      await send('image', 'POST', '/v2/images', {
        body: { name: 'sim', disk_format: 'raw', container_format: 'bare', visibility: 'public' },
      })
    ).body as { id: string };
    const put = await send('image', 'PUT', `/v2/images/${id}/file`, {
      stream: Readable.from([Buffer.from('a disk')]),
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (put.status !== 204) throw new Error(`the image was not taken: ${put.status}`);
    return id;
  }

  async function ensureNetwork(): Promise<string> {
    const { networks } = (await send('network', 'GET', '/v2.0/networks?name=sim')).body as {
      networks: { id: string; subnets: string[] }[];
    };
    const { id, subnets } =
      networks[0] ??
      (
        (await send('network', 'POST', '/v2.0/networks', { body: { network: { name: 'sim' } } }))
          .body as { network: { id: string; subnets: string[] } }
      ).network;
    if (subnets.length > 0) return id; // a life that was killed in between left it without one
    const creation = await send('network', 'POST', '/v2.0/subnets', {
      body: { subnet: { network_id: id, ip_version: 4, cidr: '10.20.0.0/22' } },
    });
    if (creation.status !== 201) throw new Error(`the subnet was not taken: ${creation.status}`);
    return id;
  }

  const cloud: SimCloud = {
    get plane() {
      return planeOf();
    },
    control,
    hosts,
    bmcs,
    witnesses,
    imageId,
    networkId,
    leftOver,
    async compute(method, path, body) {
      return await send('compute', method, `/v2.1${path}`, {
        headers: { 'openstack-api-version': 'compute 2.90' },
        ...(body === undefined ? {} : { body }),
      });
    },
    network: async (method, path, body) =>
      await send('network', method, `/v2.0${path}`, body === undefined ? {} : { body }),
    volume: async (method, path, body) =>
      await send('volume', method, `/v3${path}`, {
        headers: { 'openstack-api-version': 'volume 3.59' },
        ...(body === undefined ? {} : { body }),
      }),
    image: async (method, path, body) =>
      await send('image', method, `/v2${path}`, body === undefined ? {} : { body }),
    async freeVolume() {
      const {
        volumes: [free],
      } = (await cloud.volume('GET', '/volumes?status=available&limit=1')).body as {
        volumes: { id: string }[];
      };
      if (free) return free.id;
      const { id } = (
        (await cloud.volume('POST', '/volumes', { volume: { size: 1 } })).body as {
          volume: { id: string };
        }
      ).volume;
      await eventually(
        async () =>
          ((await cloud.volume('GET', `/volumes/${id}`)).body as { volume: { status: string } })
            .volume.status === 'available',
        { withinMs: 10_000, what: 'the volume is made', clock },
      );
      return id;
    },
    async createServer(name, { flavor = '42', host, networks = [{ uuid: networkId }] } = {}) {
      const answer = await cloud.compute('POST', '/servers', {
        server: {
          name,
          flavorRef: flavor,
          imageRef: imageId,
          networks,
          ...(host === undefined ? {} : { host }),
        },
      });
      if (answer.status !== 202)
        throw new Error(`POST /servers: ${answer.status} ${JSON.stringify(answer.body)}`);
      return (answer.body as { server: { id: string } }).server.id;
    },
    act: async (id, action) =>
      (await cloud.compute('POST', `/servers/${id}/action`, action)).status,
    async show(id) {
      const answer = await cloud.compute('GET', `/servers/${id}`);
      return answer.status === 404
        ? undefined
        : (answer.body as unknown as { server: ServerDocument }).server;
    },
    list: async () =>
      (
        (await cloud.compute('GET', '/servers/detail?all_tenants=1')).body as unknown as {
          servers: ServerDocument[];
        }
      ).servers,
    async differences() {
      const observations = await Promise.all(
        [...hosts].map(async ([host, hypervisor]) =>
          sure(await observeHost(host, hypervisor, null, sure)),
        ),
      );
      const plane = planeOf();
      const [nova, placement, neutron, cinder] = [
        await novaAudit(plane.process),
        await placementAudit(plane.process),
        await neutronAudit(plane.process),
        await cinderAudit(plane.process),
      ];
      const unfinished = nova.sagas.map(({ name, lockKey, phase, ageMs }) => ({
        what: 'unfinished saga',
        detail: `${name} of ${lockKey} is ${phase} since ${ageMs} ms`,
      }));
      const busy = nova.servers
        .filter(({ taskState }) => taskState !== null)
        .map(({ id, taskState, vmState }) => ({
          what: 'unfinished task',
          detail: `server ${id} (${vmState}) is ${taskState}`,
        }));
      const busyVolumes = cinder.volumes
        .filter(({ status }) => busyVolume.has(status))
        .map(({ id, status }) => ({ what: 'unfinished volume', detail: `${id} is ${status}` }));
      const restless = (await cloud.list())
        .filter(
          ({ status, fault }) => !restful.has(status) || (status === 'ERROR' && !fault?.message),
        )
        .map(({ id, status }) => ({
          what: 'no state to rest in',
          detail: `server ${id} is ${status}${status === 'ERROR' ? ' and does not say why' : ''}`,
        }));
      return [
        ...unfinished,
        ...busy,
        ...busyVolumes,
        ...restless,
        ...compare({
          nova,
          placement,
          neutron,
          cinder,
          hosts: observations,
          unreachable: [],
          cloudRuns: true,
          images: await glanceAudit(plane.process),
        }),
      ];
    },
    async quiet(withinMs, everyMs = 20) {
      let found: Difference[] = [];
      await eventually(async () => (found = await cloud.differences()).length === 0, {
        withinMs,
        everyMs,
        what: 'the cloud is at rest',
        clock,
      }).catch((cause: unknown) => {
        throw new Error(
          `not at rest after ${withinMs} ms:\n${found.map(({ what, detail }) => `  ${what}: ${detail}`).join('\n')}`,
          { cause },
        );
      });
      return await cloud.list();
    },
    runningTwice() {
      const active = [...hosts.keys()].flatMap((host) =>
        [...(store.hostNamed(host)?.guests.values() ?? [])].filter(
          ({ state }) => state === 'running' || state === 'paused',
        ),
      );
      const ids = active.map(({ uuid }) => uuid);
      return ids.filter((id, index) => ids.indexOf(id) !== index);
    },
    async restartAgents() {
      await fleet.stop();
      hosts.clear();
      fleet = await beginFleet();
    },
    async stop() {
      const planes = control.running().map(({ plane }) => plane);
      await Promise.all(planes.map(async ({ sagas }) => await sagas.stop()));
      await fleet.stop();
      await Promise.all(planes.map(async ({ tasks }) => await tasks.stop()));
      await control.close();
    },
  };
  return cloud;
}

/** Whether the request was lost because its process ended or was paused. */
const isCutOff = ({ message, kind }: Fault): boolean =>
  message === connectionLost || kind === 'timeout';

/**
 * The value of a call that cannot fail in a simulation; throws for a fault, which is a bug of the
 * test.
 */
function sure<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new Error(`unexpected fault: ${outcome.kind} ${outcome.message}`);
  return outcome;
}

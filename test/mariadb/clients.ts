// A client that creates and deletes servers, ports, volumes and floating IPs and remembers what was
// confirmed to it, and functions that count what exists in the cloud. Used by
// two-processes.test.ts.
import type { Json } from '#contracts/common/json.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { SimCloud } from '../sim/sim-cloud.ts';

/**
 * What the last answer about a path confirmed. A path whose last request got no answer is missing.
 */
export type Confirmed = ReadonlyMap<string, 'created' | 'deleted'>;

export interface Client {
  statuses: readonly number[];
  confirmed: Confirmed;
  /** Works `rounds` rounds; the objects of the last round are kept. */
  work(rounds: number): Promise<void>;
  /** Returns the status of a list of servers. */
  probe(): Promise<number>;
}

type Service = 'compute' | 'network' | 'volume';
// oxlint-disable-next-line typescript/no-explicit-any -- answers are read at many depths
type Loose = any;

const patienceMs = 60_000;

export function createClient(cloud: SimCloud, name: string): Client {
  const statuses: number[] = [];
  const confirmed = new Map<string, 'created' | 'deleted'>();

  const ask = async (
    service: Service,
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Loose }> => {
    // The session got no token, since Keystone has no database now: the request was not sent.
    const answer = await cloud[service](method, path, body).catch((error: unknown) => {
      if (/unexpected fault: unavailable/.test(String(error)))
        return { status: 503, body: undefined };
      throw error;
    });
    statuses.push(answer.status);
    return answer;
  };
  /** As `ask`, retried while the service is unavailable; a refusal counts as an answer. */
  const insist: typeof ask = async (...call) => {
    const deadlineMs = systemClock.now() + patienceMs;
    for (;;) {
      const answer = await ask(...call);
      if (answer.status !== 503 || systemClock.now() > deadlineMs) return answer;
      await systemClock.sleep(200);
    }
  };
  const create = async (
    service: Service,
    collection: string,
    key: string,
    body: Json,
  ): Promise<string | undefined> => {
    const answer = await insist(service, 'POST', `/${collection}`, { [key]: body });
    if (answer.status >= 300) return undefined; // refused, e.g. over quota
    const { id } = answer.body[key] as { id: string };
    confirmed.set(`/${collection}/${id}`, 'created');
    return id;
  };
  const settled = async (service: Service, path: string, key: string, busy: RegExp) => {
    const deadlineMs = systemClock.now() + patienceMs;
    for (;;) {
      const { status, body } = await insist(service, 'GET', path);
      if (status !== 200 || !busy.test(body[key].status)) return status;
      if (systemClock.now() > deadlineMs) throw new Error(`${path} stays ${body[key].status}`);
      await systemClock.sleep(100);
    }
  };
  const remove = async (service: Service, path: string): Promise<void> => {
    confirmed.delete(path); // unknown until the request is answered
    const { status } = await insist(service, 'DELETE', path);
    if (status < 300 || status === 404) confirmed.set(path, 'deleted');
  };

  return {
    statuses,
    confirmed,
    async work(rounds) {
      const { networks } = (await insist('network', 'GET', '/networks?router:external=true')).body;
      for (let round = 1; round <= rounds; round += 1) {
        const [port, volume, address] = await Promise.all([
          create('network', 'ports', 'port', { network_id: cloud.networkId, name }),
          create('volume', 'volumes', 'volume', { size: 1, name }),
          create('network', 'floatingips', 'floatingip', { floating_network_id: networks[0].id }),
        ]);
        const server =
          port &&
          (await create('compute', 'servers', 'server', {
            name,
            flavorRef: '42',
            imageRef: cloud.imageId,
            networks: [{ port }],
          }));
        if (server) await settled('compute', `/servers/${server}`, 'server', /BUILD/);
        if (volume) await settled('volume', `/volumes/${volume}`, 'volume', /creating/);
        if (round === rounds) return;
        if (server) {
          await remove('compute', `/servers/${server}`);
          await settled('compute', `/servers/${server}`, 'server', /./);
        }
        if (port) await remove('network', `/ports/${port}`);
        if (volume) await remove('volume', `/volumes/${volume}`);
        if (address) await remove('network', `/floatingips/${address}`);
      }
    },
    probe: async () => (await ask('compute', 'GET', '/servers')).status,
  };
}

/** Raises the quotas of admin's project, so that the clients can go on creating. */
export async function raiseQuotas(cloud: SimCloud): Promise<void> {
  const { network } = (await cloud.network('GET', `/networks/${cloud.networkId}`)).body as Loose;
  const path = `/os-quota-sets/${network.project_id}`;
  const all = [
    await cloud.compute('PUT', path, { quota_set: { instances: 100, cores: 100, ram: 100_000 } }),
    await cloud.volume('PUT', path, { quota_set: { volumes: 100 } }),
  ];
  for (const { status, body } of all)
    if (status !== 200) throw new Error(`quotas: ${status} ${JSON.stringify(body)}`);
}

/** Addresses that more than one port or floating IP has. */
export async function doubles(cloud: SimCloud): Promise<string[]> {
  const { ports } = (await cloud.network('GET', '/ports')).body as Loose;
  const { floatingips } = (await cloud.network('GET', '/floatingips')).body as Loose;
  const addresses: string[] = [
    ...ports.flatMap(({ fixed_ips }: Loose) =>
      fixed_ips.map(({ subnet_id, ip_address }: Loose) => `${subnet_id} ${ip_address}`),
    ),
    ...floatingips.map(({ floating_ip_address }: Loose) => floating_ip_address),
  ];
  return addresses.filter((address, index) => addresses.indexOf(address) !== index);
}

/** Usage by the quotas of admin's project, and what its lists show. */
export async function usage(cloud: SimCloud): Promise<{ counted: object; existing: object }> {
  const { servers } = (await cloud.compute('GET', '/servers/detail')).body as Loose;
  const { volumes } = (await cloud.volume('GET', '/volumes/detail')).body as Loose;
  const project: string = volumes[0]['os-vol-tenant-attr:tenant_id'];
  const own = `project_id=${project}`;
  const { ports } = (await cloud.network('GET', `/ports?${own}`)).body as Loose;
  const { floatingips } = (await cloud.network('GET', `/floatingips?${own}`)).body as Loose;
  const nova = ((await cloud.compute('GET', `/os-quota-sets/${project}/detail`)).body as Loose)
    .quota_set;
  const cinder = ((await cloud.volume('GET', `/os-quota-sets/${project}?usage=true`)).body as Loose)
    .quota_set;
  const neutron = ((await cloud.network('GET', `/quotas/${project}/details`)).body as Loose).quota;
  return {
    counted: {
      servers: nova.instances.in_use,
      volumes: cinder.volumes.in_use,
      gigabytes: cinder.gigabytes.in_use,
      ports: neutron.port.used,
      floatingips: neutron.floatingip.used,
    },
    existing: {
      servers: servers.length,
      volumes: volumes.length,
      gigabytes: volumes.length,
      ports: ports.length,
      floatingips: floatingips.length,
    },
  };
}

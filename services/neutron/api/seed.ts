// Creates what a new cloud starts with: the external network `public`, and network, router and open
// security group of the demo project. It calls Neutron's own API, so that all its checks apply.
// Each step first looks whether its object exists: an interrupted seed is completed at the next
// start.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Ask } from '#openstack/clients/call.ts';
import { itself } from '#openstack/clients/call.ts';
import { keystoneClient } from '#openstack/clients/keystone.ts';
import { askNeutron } from '#openstack/clients/neutron.ts';
import type { NeutronDeps } from '../deps.ts';
import { numberToIp, parseCidr } from '../domain/ip.ts';
import { isMarked, mark } from '../store/marks.ts';

const demoCidr = '10.0.0.0/24';
const poolPrefix = '10.96.0.0/12';
const seeded = 'seeded';

/**
 * Runs once in a cloud's life: an object that somebody deletes later is not created again. Throws
 * if an object cannot be created.
 */
export async function seed(parts: NeutronDeps): Promise<void> {
  const {
    database: { db },
    config: { publicCidr },
    log,
  } = parts;
  if (publicCidr === null || (await isMarked(db, seeded))) return;
  const created = await createNetworks(parts, publicCidr);
  if (isFault(created)) throw new Error(`seeding networks: ${created.message}`);
  await mark(db, seeded);
  log.info({ publicCidr }, 'networks seeded');
}

async function createNetworks(parts: NeutronDeps, publicCidr: string): Promise<Outcome<void>> {
  const ask = askNeutron(parts, itself);
  const [operator, projectId] = [
    await projectNamed(parts, 'admin'),
    await projectNamed(parts, 'demo'),
  ];
  if (isFault(operator)) return operator;
  if (isFault(projectId)) return projectId;
  const owner = operator === undefined ? {} : { project_id: operator };
  const [physical] = parts.config.physicalNetworks;
  const external = await ensure(
    ask,
    'network',
    { name: 'public', 'router:external': true },
    {
      ...owner,
      is_default: true,
      'provider:network_type': 'flat',
      'provider:physical_network': physical ?? null,
    },
  );
  if (isFault(external)) return external;
  const outer = await ensure(
    ask,
    'subnet',
    { name: 'public', network_id: external },
    { ...owner, ...publicSubnet(publicCidr) },
  );
  // The default subnet pool, from which "get me a network" (auto-topology.ts) takes its subnets.
  const pool = isFault(outer)
    ? outer
    : await ensure(
        ask,
        'subnetpool',
        { name: 'shared-default-subnetpool-v4', shared: true },
        { ...owner, prefixes: [poolPrefix], default_prefixlen: 24, is_default: true },
      );
  if (isFault(pool)) return pool;
  if (projectId === undefined) return undefined;
  return await createDemo(parts, ask, projectId, external);
}

async function createDemo(
  parts: NeutronDeps,
  ask: Ask,
  projectId: string,
  external: string,
): Promise<Outcome<void>> {
  const own = { name: 'demo', project_id: projectId };
  const network = await ensure(ask, 'network', own, {});
  if (isFault(network)) return network;
  const subnet = await ensure(
    ask,
    'subnet',
    { ...own, network_id: network },
    { ip_version: 4, cidr: demoCidr, dns_nameservers: [...parts.config.dnsServers] },
  );
  if (isFault(subnet)) return subnet;
  const router = await ensure(ask, 'router', own, {
    external_gateway_info: { network_id: external },
  });
  if (isFault(router)) return router;
  const plugged = await ask(
    'GET',
    `ports?device_id=${router}&device_owner=network:router_interface`,
  );
  if (isFault(plugged)) return plugged;
  if (listIn(plugged, 'ports').length === 0) {
    const plug = await ask('PUT', `routers/${router}/add_router_interface`, {
      subnet_id: subnet,
    });
    if (isFault(plug)) return plug;
  }
  return await openDemo(ask, projectId);
}

/** Opens the demo project's default security group for ping and SSH. */
async function openDemo(ask: Ask, projectId: string): Promise<Outcome<void>> {
  const groups = await ask('GET', `security-groups?project_id=${projectId}&name=default`);
  if (isFault(groups)) return groups;
  const group = listIn(groups, 'security_groups')[0]?.['id'];
  if (typeof group !== 'string')
    return fault('unavailable', `project ${projectId} has no default security group`);
  const rule = { direction: 'ingress', security_group_id: group };
  for (const key of [
    { ...rule, protocol: 'icmp' },
    { ...rule, protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
  ]) {
    const created = await ensure(ask, 'security_group_rule', key, { project_id: projectId });
    if (isFault(created)) return created;
  }
}

/**
 * The subnet of `public`. Its first address is the gateway; a few addresses at both ends are kept
 * out of the allocation pool, for this machine's own use.
 */
function publicSubnet(text: string): JsonObject {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`publicCidr ${text} is no prefix`);
  const ip = (address: bigint): string => numberToIp(address, cidr.version);
  const spare = cidr.last - cidr.first > 64n ? 10n : 2n;
  const end = cidr.last - (spare > 2n ? 5n : 1n);
  return {
    ip_version: cidr.version,
    cidr: text,
    gateway_ip: ip(cidr.first + 1n),
    enable_dhcp: false,
    allocation_pools: [{ start: ip(cidr.first + spare), end: ip(end) }],
  };
}

/**
 * The id of the object whose attributes equal `key`; if there is none, creates it from `key` and
 * `rest`.
 */
async function ensure(
  ask: Ask,
  kind: string,
  key: Readonly<Record<string, string | number | boolean>>,
  rest: JsonObject,
): Promise<Outcome<string>> {
  const path = `${kind.replaceAll('_', '-')}s`;
  const query = new URLSearchParams(
    Object.entries(key).map(([name, value]) => [name, String(value)] as [string, string]),
  );
  const listing = await ask('GET', `${path}?${query.toString()}`);
  if (isFault(listing)) return listing;
  const id = listIn(listing, `${kind}s`)[0]?.['id'];
  if (typeof id === 'string') return id;
  const created = await ask('POST', path, { [kind]: { ...key, ...rest } });
  if (isFault(created)) return created;
  return ((created as JsonObject)[kind] as { id: string }).id; // a 201 holds the object
}

async function projectNamed(
  parts: NeutronDeps,
  name: string,
): Promise<Outcome<string | undefined>> {
  const projects = await keystoneClient(parts, itself).projectsNamed(name);
  return isFault(projects) ? projects : projects[0]?.id;
}

const listIn = (body: Json | undefined, name: string): JsonObject[] => {
  // a list of objects, as Neutron's own API answers
  const list = (body as JsonObject | undefined)?.[name];
  return Array.isArray(list) ? (list as JsonObject[]) : [];
};

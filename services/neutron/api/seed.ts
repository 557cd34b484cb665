// What a fresh cloud starts with: the external network `public`, and network, router and open ports
// of the demo project. Made through Neutron's own API, so that its rules hold. Each step looks
// first: a seed that broke off is finished by the next start.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NeutronDeps } from '../deps.ts';
import { numberToIp, parseCidr } from '../domain/ip.ts';
import { isMarked, mark } from '../store/marks.ts';

const demoCidr = '10.0.0.0/24';
const poolPrefix = '10.96.0.0/12';
const timeoutMs = 30_000;
const seeded = 'seeded';

type Ask = (
  method: HttpMethod,
  path: string,
  body?: Json,
  service?: string,
) => Promise<Outcome<JsonObject>>;

/**
 * Once in a cloud's life: what somebody deletes later stays deleted. Throws when it cannot be made.
 */
export async function seed(parts: NeutronDeps): Promise<void> {
  const {
    database: { db },
    config: { publicCidr },
    log,
  } = parts;
  if (publicCidr === null || (await isMarked(db, seeded))) return;
  const done = await make(parts, publicCidr);
  if (isFault(done)) throw new Error(`seeding networks: ${done.message}`);
  await mark(db, seeded);
  log.info({ publicCidr }, 'networks seeded');
}

async function make(parts: NeutronDeps, publicCidr: string): Promise<Outcome<void>> {
  const ask = asking(parts);
  const [operator, projectId] = [await projectNamed(ask, 'admin'), await projectNamed(ask, 'demo')];
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
  // From here projects get a network that they did not describe (auto-topology.ts).
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
  return await makeDemo(parts, ask, projectId, external);
}

async function makeDemo(
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
    `/v2.0/ports?device_id=${router}&device_owner=network:router_interface`,
  );
  if (isFault(plugged)) return plugged;
  if (listIn(plugged, 'ports').length === 0) {
    const plug = await ask('PUT', `/v2.0/routers/${router}/add_router_interface`, {
      subnet_id: subnet,
    });
    if (isFault(plug)) return plug;
  }
  return await openDemo(ask, projectId);
}

/** Into the default group: ping and SSH. */
async function openDemo(ask: Ask, projectId: string): Promise<Outcome<void>> {
  const groups = await ask('GET', `/v2.0/security-groups?project_id=${projectId}&name=default`);
  if (isFault(groups)) return groups;
  const group = listIn(groups, 'security_groups')[0]?.['id'];
  if (typeof group !== 'string')
    return fault('unavailable', `project ${projectId} has no default security group`);
  const rule = { direction: 'ingress', security_group_id: group };
  for (const known of [
    { ...rule, protocol: 'icmp' },
    { ...rule, protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
  ]) {
    const made = await ensure(ask, 'security_group_rule', known, { project_id: projectId });
    if (isFault(made)) return made;
  }
}

/** The first address is the way out; some at both ends are left to the machine itself. */
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

/** The id of the object that `known` finds, made if there is none. */
async function ensure(
  ask: Ask,
  kind: string,
  known: Readonly<Record<string, string | number | boolean>>,
  rest: JsonObject,
): Promise<Outcome<string>> {
  const path = `/v2.0/${kind.replaceAll('_', '-')}s`;
  const query = new URLSearchParams(
    Object.entries(known).map(([name, value]) => [name, String(value)] as [string, string]),
  );
  const found = await ask('GET', `${path}?${query.toString()}`);
  if (isFault(found)) return found;
  const have = listIn(found, `${kind}s`)[0]?.['id'];
  if (typeof have === 'string') return have;
  const made = await ask('POST', path, { [kind]: { ...known, ...rest } });
  if (isFault(made)) return made;
  return (made[kind] as { id: string }).id; // 201: the object
}

async function projectNamed(ask: Ask, name: string): Promise<Outcome<string | undefined>> {
  const found = await ask(
    'GET',
    `/v3/projects?name=${name}&domain_id=default`,
    undefined,
    'identity',
  );
  if (isFault(found)) return found;
  const id = listIn(found, 'projects')[0]?.['id'];
  return typeof id === 'string' ? id : undefined;
}

const listIn = (body: JsonObject, name: string): JsonObject[] =>
  // a list of objects: the service's answer
  Array.isArray(body[name]) ? (body[name] as JsonObject[]) : [];

const asking =
  ({ http, session }: NeutronDeps): Ask =>
  async (method, path, body, service = 'network') => {
    const token = await session.token();
    if (isFault(token)) return token;
    const answer = await http.send({
      method,
      service,
      path,
      token,
      timeoutMs,
      ...(body === undefined ? {} : { body }),
    });
    if (isFault(answer)) return answer;
    if (answer.status >= 300 || typeof answer.body !== 'object' || answer.body === null)
      return fault(
        'unavailable',
        `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`,
      );
    return answer.body as JsonObject; // JSON objects are all that these routes answer
  };

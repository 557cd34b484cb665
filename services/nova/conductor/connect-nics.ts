// Creates, binds, unbinds and deletes the Neutron ports of a server's interfaces, and refreshes the
// network info cache. Called by sagas, tasks and the conductor's RPC handlers, with Nova's own
// credentials. Idempotent: ports are found again by the server's id in `device_id`.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Port } from '#contracts/neutron/wire.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { NovaDeps } from '../deps.ts';
import { addressesView, nicInfo, securityGroupNames } from '../domain/network-info.ts';
import type { Nic } from '../store/nics.ts';
import { changeNic, deleteNic, nicsOf, writeAddresses } from '../store/nics.ts';
import { findServer, findServerEvenDeleted } from '../store/servers.ts';
import type { NovaDb, Server } from '../store/servers.ts';
import { hopeless } from './saga-context.ts';

interface Call {
  requestId: string;
  /** Checked between ports: after an abort no further port is created. */
  signal?: AbortSignal;
}

const own = (deps: NovaDeps, { requestId }: Call): Neutron =>
  neutronClient(deps, { token: null, requestId });

/**
 * Gives every interface in `nics` a port that is bound to `host`. Idempotent: a port that an
 * earlier try created is reused. Faults: what Neutron refuses, marked hopeless (no other host would
 * help); conflict: a port cannot be bound on this host; unavailable.
 */
export async function connectNics(
  deps: NovaDeps,
  server: Server,
  host: string,
  nics: readonly Nic[],
  call: Call,
): Promise<Outcome<void>> {
  if (nics.length === 0) return undefined;
  const neutron = own(deps, call);
  const ports = await neutron.list('ports', { device_id: server.id });
  if (isFault(ports)) return ports;
  const ownPortIds = new Set((await nicsOf(deps.database.db, server.id)).map((nic) => nic.port_id));
  const strays = ports.filter(
    (port) => !ownPortIds.has(port.id) && isOurs(port, server.project_id),
  );
  for (const nic of nics) {
    if (call.signal?.aborted) return fault('timeout', 'The step was given up.');
    const port = await connectOne(deps, neutron, server, host, nic, ports, strays);
    if (isFault(port)) return final(port);
    if (port['binding:vif_type'] === 'binding_failed')
      return fault(
        'conflict',
        `Binding failed for port ${port.id}, please check neutron logs for more information.`,
      );
  }
  return undefined;
}

/** As `connectNics` for all of the server's interfaces, then refreshes the network info cache. */
export async function connectAllNics(
  deps: NovaDeps,
  server: Server,
  host: string,
  call: Call,
): Promise<Outcome<void>> {
  const nics = await nicsOf(deps.database.db, server.id);
  const connected = await connectNics(deps, server, host, nics, call);
  return isFault(connected) ? connected : await refreshNetworkInfo(deps, server.id, call);
}

async function connectOne(
  deps: NovaDeps,
  neutron: Neutron,
  server: Server,
  host: string,
  nic: Nic,
  ports: readonly Port[],
  strays: Port[],
): Promise<Outcome<Port>> {
  const bound: JsonObject = {
    device_id: server.id,
    device_owner: `compute:${server.availability_zone ?? deps.config.defaultZone}`,
    'binding:host_id': host,
  };
  if (nic.given === 1 && nic.port_id !== null)
    return await bindGiven(neutron, server, nic.port_id, bound, host, ports);
  // A stray port was created by an earlier try that crashed before it wrote the port's id. Any
  // stray on the right network will do, unless a fixed IP was requested.
  const stray = strays.findIndex(
    (port) =>
      port.network_id === nic.network_id &&
      (nic.fixed_ip === null || port.fixed_ips.some((ip) => ip.ip_address === nic.fixed_ip)),
  );
  const existingPort =
    ports.find((port) => port.id === nic.port_id) ??
    (stray < 0 ? undefined : strays.splice(stray, 1)[0]);
  let port: Outcome<Port>;
  if (existingPort) {
    port =
      existingPort['binding:host_id'] === host
        ? existingPort
        : await neutron.updatePort(existingPort.id, bound);
  } else {
    const groups = JSON.parse(nic.security_groups) as string[];
    port = await neutron.createPort({
      ...bound,
      network_id: nic.network_id,
      tenant_id: server.project_id,
      admin_state_up: true,
      ...(nic.fixed_ip === null ? {} : { fixed_ips: [{ ip_address: nic.fixed_ip }] }),
      ...(dnsName.test(server.hostname) ? { dns_name: server.hostname } : {}),
      ...(groups.length === 0 ? {} : { security_groups: groups }),
    });
  }
  if (!isFault(port) && port.id !== nic.port_id)
    await changeNic(deps.database.db, nic, { port_id: port.id });
  return port;
}

const dnsName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

async function bindGiven(
  neutron: Neutron,
  server: Server,
  portId: string,
  bound: JsonObject,
  host: string,
  ports: readonly Port[],
): Promise<Outcome<Port>> {
  const mine = ports.find((port) => port.id === portId);
  if (mine?.['binding:host_id'] === host) return mine;
  const port = mine ?? (await neutron.find('ports', portId));
  if (isFault(port)) return port;
  if (!port) return fault('badRequest', `Port id ${portId} could not be found.`);
  if (port.device_id !== '' && port.device_id !== server.id)
    return fault('badRequest', `Port ${portId} is still in use.`);
  return await neutron.updatePort(portId, bound);
}

/** Marks a refusal as hopeless, since Neutron's answer would be the same for any host. */
const final = (refusal: Fault): Fault =>
  refusal.kind === 'unavailable' || refusal.kind === 'timeout' ? refusal : hopeless(refusal);

const unbound: JsonObject = { device_id: '', device_owner: '', 'binding:host_id': '' };

/** The server may already be deleted. projectId is undefined if its row was purged, too. */
async function rowsOf(db: NovaDb, serverId: string) {
  const nics = await nicsOf(db, serverId);
  const server = await findServerEvenDeleted(db, serverId, null);
  return { nics, projectId: server?.project_id };
}

/**
 * Deletes the ports that Nova created for the server and unbinds those that the tenant brought.
 * Idempotent. The interface rows stay, so that the interfaces can be connected again.
 */
export async function disconnectNics(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const neutron = own(deps, call);
  const { nics, projectId } = await rowsOf(db, serverId);
  const ports = await neutron.list('ports', { device_id: serverId });
  if (isFault(ports)) return ports;
  const ours = new Set(nics.map((nic) => nic.port_id));
  const tenantPortIds = new Set(nics.flatMap((nic) => (nic.given === 1 ? [nic.port_id] : [])));
  // The list was selected by `device_id`, so a port that was meanwhile given to another server is
  // not touched.
  for (const port of ports) {
    const release = tenantPortIds.has(port.id)
      ? await neutron.updatePort(port.id, unbound)
      : ours.has(port.id) || isOurs(port, projectId)
        ? await neutron.deletePort(port.id)
        : undefined;
    if (isFault(release) && release.kind !== 'notFound') return release;
  }
  for (const nic of nics)
    await changeNic(db, nic, { info: null, ...(nic.given === 1 ? {} : { port_id: null }) });
  return undefined;
}

/**
 * Unbinds the server's ports from their host. The server keeps them, with their addresses.
 * Idempotent.
 */
export async function unbindNics(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  const neutron = own(deps, call);
  const { nics } = await rowsOf(deps.database.db, serverId);
  const ports = await neutron.list('ports', { device_id: serverId });
  if (isFault(ports)) return ports;
  const ours = new Set(nics.map((nic) => nic.port_id));
  for (const port of ports) {
    if (!ours.has(port.id) || port['binding:host_id'] === '') continue;
    const release = await neutron.updatePort(port.id, { 'binding:host_id': '' });
    if (isFault(release) && release.kind !== 'notFound') return release;
  }
}

/**
 * Any tenant can write this server's id into the `device_id` of its own port, so only ports of the
 * server's project count as created for it.
 */
const isOurs = (port: Port, projectId: string | undefined): boolean =>
  port.device_owner.startsWith('compute:') && port.tenant_id === projectId;

/** As `disconnectNics`, for one interface, whose row is deleted as well. */
export async function disconnectNic(
  deps: NovaDeps,
  serverId: string,
  seq: number,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const neutron = own(deps, call);
  const { nics, projectId } = await rowsOf(db, serverId);
  const nic = nics.find((each) => each.seq === seq);
  if (!nic) return undefined;
  const ports = await neutron.list('ports', { device_id: serverId });
  if (isFault(ports)) return ports;
  const ownPortIds = new Set(nics.map((each) => each.port_id));
  // If the row has no port id, a port that an unfinished try created on this network.
  const mine = ports.filter((port) =>
    nic.port_id === null
      ? !ownPortIds.has(port.id) && port.network_id === nic.network_id && isOurs(port, projectId)
      : port.id === nic.port_id,
  );
  for (const port of mine) {
    const release =
      nic.given === 1
        ? await neutron.updatePort(port.id, unbound)
        : await neutron.deletePort(port.id);
    if (isFault(release) && release.kind !== 'notFound') return release;
  }
  await deleteNic(db, nic);
  return undefined;
}

/**
 * Refreshes the network info cache from Neutron. If a port no longer exists, the row of its
 * interface is deleted, too, unless the server has a task state: then its saga may be about to
 * create the port.
 */
export async function refreshNetworkInfo(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const nics = (await nicsOf(db, serverId)).filter((nic) => nic.port_id !== null);
  const neutron = own(deps, call);
  const isIdle = (await findServer(db, serverId, null))?.task_state === null;
  const ports = nics.length === 0 ? [] : await neutron.list('ports', { device_id: serverId });
  if (isFault(ports)) return ports;
  const facts = await aboutPorts(neutron, ports);
  if (isFault(facts)) return facts;
  const infos = [];
  for (const nic of nics) {
    const port = ports.find((each) => each.id === nic.port_id);
    if (!port) {
      const elsewhere = await neutron.find('ports', nic.port_id ?? '');
      if (isFault(elsewhere)) return elsewhere;
      if (!elsewhere && isIdle) await deleteNic(db, nic);
      continue;
    }
    const info = nicInfo(port, {
      ...facts,
      network: facts.networks.get(port.network_id),
      subnets: facts.subnets,
    });
    infos.push(info);
    const text = JSON.stringify(info);
    if (text !== nic.info) await changeNic(db, nic, { info: text });
  }
  await writeAddresses(
    db,
    serverId,
    JSON.stringify(addressesView(infos)),
    JSON.stringify(securityGroupNames(infos)),
  );
  return undefined;
}

async function aboutPorts(neutron: Neutron, ports: readonly Port[]) {
  const distinct = (ids: readonly string[]): string[] => [...new Set(ids)];
  const subnetIds = distinct(ports.flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id)));
  const groupIds = distinct(ports.flatMap((port) => port.security_groups ?? []));
  const portIds = ports.map((port) => port.id);
  const [networks, subnets, floatingIps, groups] = await Promise.all([
    portIds.length === 0
      ? []
      : neutron.list('networks', { id: distinct(ports.map((port) => port.network_id)) }),
    subnetIds.length === 0 ? [] : neutron.list('subnets', { id: subnetIds }),
    portIds.length === 0 ? [] : neutron.list('floatingips', { port_id: portIds }),
    groupIds.length === 0
      ? []
      : neutron.list('security-groups', { id: groupIds, fields: ['id', 'name'] }),
  ]);
  for (const answer of [networks, subnets, floatingIps, groups]) if (isFault(answer)) return answer;
  if (isFault(networks) || isFault(subnets) || isFault(floatingIps) || isFault(groups))
    throw new Error('faults were returned above');
  return {
    networks: new Map(networks.map((network) => [network.id, network])),
    subnets,
    floatingIps,
    groupNames: new Map(groups.map(({ id, name }) => [id, name])),
  };
}

// Server actions that add and remove fixed and floating IPs, for clients below microversion 2.44;
// later clients call Neutron directly.
// https://docs.openstack.org/api-ref/compute/#add-associate-floating-ip-addfloatingip-action-deprecated
// and its neighbours
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FloatingIp, Port } from '#contracts/neutron/wire.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type { Server } from '../../store/servers.ts';
import { member } from '../policy-rules.ts';
import { refreshNetworkInfo } from '../refresh-network-info.ts';
import { serverPorts } from '../server-ports.ts';
import { checkLock } from '../servers/begin.ts';
import { callersNeutron } from '../servers/wanted-networks.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const until = 43;
const v4 = Type.String({ format: 'ipv4' });

async function settled(deps: NovaDeps, request: ApiRequest, server: Server) {
  await refreshNetworkInfo(deps, server.id, request.id);
  return accepted;
}

async function portsOf(
  deps: NovaDeps,
  neutron: Neutron,
  request: ApiRequest,
  server: Server,
): Promise<Outcome<Port[]>> {
  const locked = checkLock(request, server);
  return locked ?? (await serverPorts(deps, neutron, server.id));
}

async function floatingIp(neutron: Neutron, address: string): Promise<Outcome<FloatingIp>> {
  const floatingIps = await neutron.list('floatingips', { floating_ip_address: address });
  if (isFault(floatingIps)) return floatingIps;
  return floatingIps[0] ?? fault('notFound', `Floating IP not found for address ${address}.`);
}

export const addFloatingIp: ServerActionRow = {
  key: 'addFloatingIp',
  until,
  policy: { name: 'os_compute_api:os-floating-ips:add', default: member },
  faults: ['notFound', 'conflict'],
  schema: Type.Object(
    { address: v4, fixed_address: Type.Optional(v4) },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    // validated by the schema
    const { address, fixed_address: fixed } = value as { address: string; fixed_address?: string };
    const neutron = callersNeutron(deps, request);
    const ports = await portsOf(deps, neutron, request, server);
    if (isFault(ports)) return ports;
    const fixedIps = ports.flatMap((port) =>
      port.fixed_ips
        .filter((ip) => !ip.ip_address.includes(':'))
        .map((ip) => ({ port, address: ip.ip_address })),
    );
    const target = fixed === undefined ? fixedIps[0] : fixedIps.find((ip) => ip.address === fixed);
    const ip = await floatingIp(neutron, address);
    if (isFault(ip)) return ip;
    if (!target)
      return fault(
        'badRequest',
        fixed === undefined
          ? 'No fixed IPs to associate to instance'
          : 'Specified fixed address not assigned to instance',
      );
    const changed = await neutron.updateFloatingIp(ip.id, {
      port_id: target.port.id,
      fixed_ip_address: target.address,
    });
    if (isFault(changed))
      return changed.kind === 'notFound' || changed.kind === 'conflict'
        ? fault('badRequest', changed.message)
        : changed;
    return await settled(deps, request, server);
  },
};

export const removeFloatingIp: ServerActionRow = {
  key: 'removeFloatingIp',
  until,
  policy: { name: 'os_compute_api:os-floating-ips:remove', default: member },
  faults: ['notFound', 'conflict'],
  schema: Type.Object({ address: v4 }, { additionalProperties: false }),
  handler: async (deps, request, server, value) => {
    const { address } = value as { address: string }; // validated by the schema
    const neutron = callersNeutron(deps, request);
    const ports = await portsOf(deps, neutron, request, server);
    if (isFault(ports)) return ports;
    const ip = await floatingIp(neutron, address);
    if (isFault(ip)) return ip;
    if (!ports.some((port) => port.id === ip.port_id))
      return fault(
        'conflict',
        `Floating IP ${address} is not associated with instance ${server.id}.`,
      );
    const changed = await neutron.updateFloatingIp(ip.id, { port_id: null });
    return isFault(changed) ? changed : await settled(deps, request, server);
  },
};

export const addFixedIp: ServerActionRow = {
  key: 'addFixedIp',
  until,
  policy: { name: 'os_compute_api:os-multinic:add', default: member },
  faults: ['notFound', 'conflict'],
  schema: Type.Object(
    { networkId: Type.String({ minLength: 1, maxLength: 255 }) },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    const { networkId } = value as { networkId: string }; // validated by the schema
    const neutron = callersNeutron(deps, request);
    const [ports, subnets] = [
      await portsOf(deps, neutron, request, server),
      await neutron.list('subnets', { network_id: networkId }),
    ];
    if (isFault(ports)) return ports;
    if (isFault(subnets)) return subnets;
    const port = ports.find((each) => each.network_id === networkId);
    if (!port) return fault('badRequest', `Network could not be found for instance ${server.id}.`);
    for (const subnet of subnets) {
      // With Nova's own credentials: default Neutron policies may forbid a tenant to change a
      // port's fixed IPs.
      const changed = await neutronClient(deps, { token: null, requestId: request.id }).updatePort(
        port.id,
        { fixed_ips: [...port.fixed_ips, { subnet_id: subnet.id }] },
      );
      if (!isFault(changed)) return await settled(deps, request, server);
      if (changed.kind === 'unavailable' || changed.kind === 'timeout') return changed;
    }
    return fault('badRequest', `No more free fixed IPs in network: ${networkId}`);
  },
};

export const removeFixedIp: ServerActionRow = {
  key: 'removeFixedIp',
  until,
  policy: { name: 'os_compute_api:os-multinic:remove', default: member },
  faults: ['notFound', 'conflict'],
  schema: Type.Object(
    { address: Type.Union([v4, Type.String({ format: 'ipv6' })]) },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    const { address } = value as { address: string }; // validated by the schema
    const ports = await portsOf(deps, callersNeutron(deps, request), request, server);
    if (isFault(ports)) return ports;
    const port = ports.find((each) => each.fixed_ips.some((ip) => ip.ip_address === address));
    if (!port) return fault('badRequest', `Fixed IP not found for instance: ${address}`);
    const changed = await neutronClient(deps, { token: null, requestId: request.id }).updatePort(
      port.id,
      { fixed_ips: port.fixed_ips.filter((ip) => ip.ip_address !== address) },
    );
    return isFault(changed) ? changed : await settled(deps, request, server);
  },
};

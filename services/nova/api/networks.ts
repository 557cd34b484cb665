// Nova's deprecated network and floating IP proxy API, up to microversion 2.35: passed on to
// Neutron with the caller's token.
// https://docs.openstack.org/api-ref/compute/#floating-ips-os-floating-ips-deprecated
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { FloatingIp, Network } from '#contracts/neutron/wire.ts';
import { documentOf } from '#openstack/clients/call.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import { askNeutron, neutronClient } from '#openstack/clients/neutron.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { callerOf } from './request.ts';

const until = 35;
const policy = (name: string): string => `os_compute_api:${name}`;
const poolBody = Type.Union([
  Type.Null(),
  Type.Object({ pool: Type.Optional(Type.Union([Type.String(), Type.Null()])) }),
]);

export function networkRoutes(deps: NovaDeps): readonly Route[] {
  const neutronOf = (request: ApiRequest<unknown>): Neutron =>
    neutronClient(deps, callerOf(request));
  const pools = async (request: ApiRequest<unknown>): Promise<Outcome<Network[]>> =>
    await neutronOf(request).list('networks', { 'router:external': 'True' });

  async function requested(request: ApiRequest<unknown>): Promise<Outcome<FloatingIp>> {
    const id = request.params['id'] ?? '';
    return (
      (await neutronOf(request).find('floatingips', id)) ??
      fault('notFound', `Floating IP not found for ID ${id}`)
    );
  }
  async function viewsOf(
    request: ApiRequest<unknown>,
    ips: readonly FloatingIp[],
  ): Promise<Outcome<JsonObject[]>> {
    const networks = await pools(request);
    if (isFault(networks)) return networks;
    const portIds = ips.flatMap(({ port_id: id }) => id ?? []);
    const ports =
      portIds.length === 0 ? [] : await neutronOf(request).list('ports', { id: portIds });
    if (isFault(ports)) return ports;
    return ips.map((ip) => ({
      id: ip.id,
      ip: ip.floating_ip_address,
      fixed_ip: ip.fixed_ip_address,
      pool:
        networks.find(({ id }) => id === ip.floating_network_id)?.name ?? ip.floating_network_id,
      instance_id: ports.find(({ id }) => id === ip.port_id)?.device_id || null,
    }));
  }

  const faults = ['notFound', 'conflict', 'overQuota'] as const;
  return [
    route('GET', '/v2.1/os-floating-ip-pools', {
      until,
      policy: policy('os-floating-ip-pools'),
      handler: async (request) => {
        const networks = await pools(request);
        return isFault(networks)
          ? networks
          : { status: 200, body: { floating_ip_pools: networks.map(({ name }) => ({ name })) } };
      },
    }),
    route('GET', '/v2.1/os-floating-ips', {
      until,
      policy: policy('os-floating-ips:list'),
      handler: async (request) => {
        const ips = await neutronOf(request).list('floatingips', {
          tenant_id: request.auth.projectId ?? '',
        });
        const floating_ips = isFault(ips) ? ips : await viewsOf(request, ips);
        return isFault(floating_ips) ? floating_ips : { status: 200, body: { floating_ips } };
      },
    }),
    route<{ pool?: string | null } | null>('POST', '/v2.1/os-floating-ips', {
      until,
      policy: policy('os-floating-ips:create'),
      body: poolBody,
      faults,
      handler: async (request) => {
        const networks = await pools(request);
        if (isFault(networks)) return networks;
        const wanted = request.body?.pool ?? null;
        const pool = networks.find(
          ({ id, name }) => wanted === null || wanted === id || wanted === name,
        );
        if (!pool) return fault('notFound', 'Floating IP pool not found.');
        const createdIp = await documentOf<FloatingIp>(
          'floatingip',
          askNeutron(deps, callerOf(request))('POST', 'floatingips', {
            floatingip: { floating_network_id: pool.id },
          }),
        );
        const views = isFault(createdIp) ? createdIp : await viewsOf(request, [createdIp]);
        return isFault(views) ? views : { status: 200, body: { floating_ip: views[0] } };
      },
    }),
    route('GET', '/v2.1/os-floating-ips/:id', {
      until,
      policy: policy('os-floating-ips:show'),
      faults,
      handler: async (request) => {
        const ip = await requested(request);
        const views = isFault(ip) ? ip : await viewsOf(request, [ip]);
        return isFault(views) ? views : { status: 200, body: { floating_ip: views[0] } };
      },
    }),
    route('DELETE', '/v2.1/os-floating-ips/:id', {
      until,
      policy: policy('os-floating-ips:delete'),
      faults,
      handler: async (request) => {
        const ip = await requested(request);
        const release = isFault(ip)
          ? ip
          : await askNeutron(deps, callerOf(request))(
              'DELETE',
              `floatingips/${encodeURIComponent(ip.id)}`,
            );
        return isFault(release) ? release : { status: 202 };
      },
    }),
    ...(['os-networks', 'os-tenant-networks'] as const).flatMap((name) => [
      route('GET', `/v2.1/${name}`, {
        until,
        policy: policy(`${name}:list`),
        handler: async (request) => {
          const networks = await neutronOf(request).list('networks', {});
          return isFault(networks)
            ? networks
            : { status: 200, body: { networks: networks.map(networkView) } };
        },
      }),
      route('GET', `/v2.1/${name}/:id`, {
        until,
        policy: policy(`${name}:show`),
        faults,
        handler: async (request) => {
          const id = request.params['id'] ?? '';
          const network =
            (await neutronOf(request).find('networks', id)) ??
            fault('notFound', `Network ${id} could not be found.`);
          return isFault(network)
            ? network
            : { status: 200, body: { network: networkView(network) } };
        },
      }),
    ]),
  ];
}

/**
 * `cidr` is always null: nova-network had one CIDR for a network, a Neutron network may have many
 * subnets.
 */
const networkView = ({ id, name }: Network): JsonObject => ({ id, label: name, cidr: null });

// Client for Neutron's API, for other services: with a user's identity for what that user may use,
// with the service's own for servers' ports.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FloatingIp, Network, Port, SecurityGroup, Subnet } from '#contracts/neutron/wire.ts';
import type { Ask, Caller, ClientDeps } from './call.ts';
import { askService, documentOf } from './call.ts';

type Collection = {
  networks: Network;
  subnets: Subnet;
  ports: Port;
  floatingips: FloatingIp;
  'security-groups': SecurityGroup;
};
const listKey = (path: keyof Collection): string => path.replaceAll('-', '_');
const objectKey = (path: keyof Collection): string => listKey(path).replace(/s$/, '');

export type Filters = Readonly<Record<string, string | readonly string[]>>;

/**
 * Calls to Neutron. Faults of every call: unavailable, timeout; and Neutron's refusal as
 * badRequest, forbidden, notFound, conflict or overQuota with its message.
 */
export interface Neutron {
  list<C extends keyof Collection>(path: C, filters: Filters): Promise<Outcome<Collection[C][]>>;
  /** The object with this id; undefined: this caller can see none. */
  find<C extends keyof Collection>(
    path: C,
    id: string,
  ): Promise<Outcome<Collection[C] | undefined>>;
  createPort(port: JsonObject): Promise<Outcome<Port>>;
  updatePort(id: string, port: JsonObject): Promise<Outcome<Port>>;
  /** Deletes the port. Succeeds if it does not exist. */
  deletePort(id: string): Promise<Outcome<void>>;
  /**
   * Adds a binding of the port to another host; succeeds if it exists. conflict: that host cannot
   * carry the port.
   */
  bindPort(id: string, host: string): Promise<Outcome<void>>;
  /** Activates the binding to that host: from now on the port is plugged in there. Idempotent. */
  activateBinding(id: string, host: string): Promise<Outcome<void>>;
  /** Removes the binding to that host. Succeeds if there is no such binding or port. */
  unbindPort(id: string, host: string): Promise<Outcome<void>>;
  updateFloatingIp(id: string, change: JsonObject): Promise<Outcome<FloatingIp>>;
  /**
   * "Get me a network": Neutron creates a network at the first call for a project that has none.
   * undefined: Neutron cannot do so, or does not support it.
   */
  autoNetwork(projectId: string): Promise<Outcome<string | undefined>>;
  /** How many more ports the project may have; Infinity: no limit. */
  freePortQuota(projectId: string): Promise<Outcome<number>>;
}

const timeoutMs = 30_000;

/** Makes calls to paths below /v2.0. Faults as for `Neutron`. */
export const askNeutron = (deps: ClientDeps, caller: Caller): Ask =>
  askService(deps, caller, { service: 'network', root: '/v2.0/', timeoutMs, refusal });

export function neutronClient(deps: ClientDeps, caller: Caller): Neutron {
  const ask = askNeutron(deps, caller);

  return {
    async list(path, filters) {
      const query = new URLSearchParams(
        Object.entries(filters).flatMap(([name, values]) =>
          [values].flat().map((value) => [name, value] as [string, string]),
        ),
      );
      return await documentOf(listKey(path), ask('GET', `${path}?${query.toString()}`));
    },
    async find(path, id) {
      const objects = await documentOf<Collection[typeof path]>(
        objectKey(path),
        ask('GET', `${path}/${encodeURIComponent(id)}`),
      );
      return isFault(objects) && objects.kind === 'notFound' ? undefined : objects;
    },
    createPort: async (port) => await documentOf('port', ask('POST', 'ports', { port })),
    updatePort: async (id, port) =>
      await documentOf('port', ask('PUT', `ports/${encodeURIComponent(id)}`, { port })),
    async deletePort(id) {
      const deleted = await ask('DELETE', `ports/${encodeURIComponent(id)}`);
      return isFault(deleted) && deleted.kind !== 'notFound' ? deleted : undefined;
    },
    bindPort: async (id, host) =>
      unless(
        'PortBindingAlreadyExists',
        await ask('POST', `ports/${encodeURIComponent(id)}/bindings`, { binding: { host } }),
      ),
    activateBinding: async (id, host) =>
      unless('PortBindingAlreadyActive', await ask('PUT', `${bindingOf(id, host)}/activate`, {})),
    async unbindPort(id, host) {
      const unbound = await ask('DELETE', bindingOf(id, host));
      return isFault(unbound) && unbound.kind !== 'notFound' ? unbound : undefined;
    },
    updateFloatingIp: async (id, floatingip) =>
      await documentOf(
        'floatingip',
        ask('PUT', `floatingips/${encodeURIComponent(id)}`, { floatingip }),
      ),
    async autoNetwork(projectId) {
      const topology = await documentOf<{ id: string }>(
        'auto_allocated_topology',
        ask('GET', `auto-allocated-topology/${encodeURIComponent(projectId)}`),
      );
      if (!isFault(topology)) return topology.id;
      return topology.kind === 'unavailable' || topology.kind === 'timeout' ? topology : undefined;
    },
    async freePortQuota(projectId) {
      const quota = await documentOf<{ port: { limit: number; used: number } }>(
        'quota',
        ask('GET', `quotas/${encodeURIComponent(projectId)}/details`),
      );
      if (isFault(quota)) return quota;
      return quota.port.limit < 0 ? Infinity : quota.port.limit - quota.port.used;
    },
  };
}

const bindingOf = (portId: string, host: string): string =>
  `ports/${encodeURIComponent(portId)}/bindings/${encodeURIComponent(host)}`;

/** Treats a refusal of this type as success: it means that the change was made before. */
const unless = (type: string, answer: Outcome<Json | undefined>): Outcome<void> =>
  isFault(answer) && answer.detail['type'] !== type ? answer : undefined;

const kinds = { 400: 'badRequest', 403: 'forbidden', 404: 'notFound', 409: 'conflict' } as const;

function refusal(status: number, body: Json | undefined) {
  const error = (body as { NeutronError?: { type?: string; message?: string } } | undefined)
    ?.NeutronError;
  const message = error?.message ?? `Neutron answered ${status}.`;
  if (error?.type === 'OverQuota') return fault('overQuota', message, { type: error.type });
  return fault(kinds[status as keyof typeof kinds] ?? 'unavailable', message, {
    type: error?.type ?? '',
  });
}

// Client for Nova's API, for the HA Service: which compute services are down, and the evacuation of
// their servers. https://docs.openstack.org/api-ref/compute/
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ClientDeps } from './call.ts';
import { askService, documentOf, itself, succeeded } from './call.ts';
import type { FleetServer } from './nova-fleet.ts';
import { imagesAsker, refusal } from './nova-fleet.ts';

/** An entry of GET /os-services?binary=nova-compute at 2.90. */
export interface ComputeService {
  id: string;
  host: string;
  zone: string;
  status: 'enabled' | 'disabled';
  disabled_reason: string | null;
  state: 'up' | 'down';
  forced_down: boolean;
}

/**
 * Calls to Nova for recoveries. Faults of every call: those of `NovaFleet`. Every call is safe to
 * repeat unless stated otherwise.
 */
export interface NovaRecovery {
  computeServices(): Promise<Outcome<ComputeService[]>>;
  /**
   * Sets `forced_down` of the service: the servers of its host may be evacuated, and the scheduler
   * no longer uses the host.
   */
  forceDown(serviceId: string): Promise<Outcome<void>>;
  /** Ends `forced_down`: the service's state follows from its own heartbeats again. */
  unforceDown(serviceId: string): Promise<Outcome<void>>;
  disable(serviceId: string, reason: string): Promise<Outcome<void>>;
  enable(serviceId: string): Promise<Outcome<void>>;
  server(id: string): Promise<Outcome<FleetServer>>;
  /** All servers on the host, of all projects. */
  serversOn(host: string): Promise<Outcome<FleetServer[]>>;
  /**
   * Evacuates the server to `host`; null: Nova chooses one. `staysOff`: the server is not started
   * there. conflict: the compute service of its host is not down, or the server's state does not
   * allow it, e.g. since it is being evacuated already.
   */
  evacuate(id: string, options: { host: string | null; staysOff: boolean }): Promise<Outcome<void>>;
  /** Requests that the server is stopped. conflict: its state does not allow it. */
  stop(id: string): Promise<Outcome<void>>;
  /** Requests that the server is started. conflict: its state does not allow it. */
  start(id: string): Promise<Outcome<void>>;
  /** The latest action in the server's action log, e.g. `stop`; null: there is none. */
  lastAction(id: string): Promise<Outcome<string | null>>;
  /** Sets the server's status to ERROR, so that Nova allows its evacuation. */
  resetToError(id: string): Promise<Outcome<void>>;
  /** The image's properties that are text. */
  imageProperties(id: string): Promise<Outcome<Record<string, string>>>;
}

const defaultTimeoutMs = 15_000;
/** The microversion of an evacuation: since 2.95 the evacuated server stays off. */
const versions = { asItWas: 'compute 2.90', off: 'compute 2.95' } as const;

export function novaRecoveryClient(
  deps: ClientDeps,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): NovaRecovery {
  const at = (version: string) =>
    askService(deps, itself, {
      service: 'compute',
      root: '/v2.1/',
      timeoutMs,
      headers: { 'openstack-api-version': version },
      refusal,
    });
  const [ask, askOff] = [at(versions.asItWas), at(versions.off)];
  const askImages = imagesAsker(deps, timeoutMs);
  const one = encodeURIComponent;
  const put = async (id: string, change: Json): Promise<Outcome<void>> =>
    await succeeded(ask('PUT', `os-services/${one(id)}`, change));

  return {
    computeServices: async () =>
      await documentOf('services', ask('GET', 'os-services?binary=nova-compute')),
    forceDown: async (id) => await put(id, { forced_down: true }),
    unforceDown: async (id) => await put(id, { forced_down: false }),
    disable: async (id, reason) => await put(id, { status: 'disabled', disabled_reason: reason }),
    enable: async (id) => await put(id, { status: 'enabled' }),
    server: async (id) => await documentOf('server', ask('GET', `servers/${one(id)}`)),
    serversOn: async (host) =>
      await documentOf('servers', ask('GET', `servers/detail?all_tenants=true&host=${one(host)}`)),
    evacuate: async (id, { host, staysOff }) =>
      await succeeded(
        (staysOff ? askOff : ask)('POST', `servers/${one(id)}/action`, {
          evacuate: host === null ? {} : { host },
        }),
      ),
    stop: async (id) =>
      await succeeded(ask('POST', `servers/${one(id)}/action`, { 'os-stop': null })),
    start: async (id) =>
      await succeeded(ask('POST', `servers/${one(id)}/action`, { 'os-start': null })),
    async lastAction(id) {
      const actions = await documentOf<{ action: string }[]>(
        'instanceActions',
        ask('GET', `servers/${one(id)}/os-instance-actions?limit=1`),
      );
      return isFault(actions) ? actions : (actions[0]?.action ?? null);
    },
    resetToError: async (id) =>
      await succeeded(
        ask('POST', `servers/${one(id)}/action`, { 'os-resetState': { state: 'error' } }),
      ),
    async imageProperties(id) {
      const image = await askImages('GET', `images/${one(id)}`);
      if (isFault(image)) return image;
      return Object.fromEntries(
        Object.entries((image ?? {}) as Record<string, Json>).filter(
          (property): property is [string, string] => typeof property[1] === 'string',
        ),
      );
    },
  };
}

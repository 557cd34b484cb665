// Client for Nova's API, for other services with their own identity: external events, online volume
// snapshots, which volumes a server has, and which compute services are up.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type {
  AssistedSnapshot,
  ComputeService,
  ServerExternalEvent,
  ServerVolumeAttachment,
} from '#contracts/nova/wire.ts';
import type { Ask, Caller, ClientDeps } from './call.ts';
import { askService, documentOf } from './call.ts';

/**
 * Calls to Nova. Faults of every call: unavailable, timeout; and Nova's refusal as notFound (404),
 * unavailable (5xx) or conflict (any other status), with its status in `detail`.
 */
export interface Nova {
  /** The `nova-compute` services of all hosts. For administrators. */
  computeServices(): Promise<Outcome<readonly ComputeService[]>>;
  /**
   * The volume's attachment to the server. notFound: the server does not have the volume, or there
   * is no such server.
   */
  volumeAttachment(serverId: string, volumeId: string): Promise<Outcome<ServerVolumeAttachment>>;
  /**
   * Asks Nova to switch a running guest to a snapshot's file. Nova answers at once, and reports the
   * result later by `os-update_snapshot_status`. conflict or notFound: nothing was switched.
   */
  assistSnapshot(snapshot: AssistedSnapshot): Promise<Outcome<void>>;
  /**
   * Sends external events. Safe to repeat: Nova reads the state again. A server without a host
   * causes no fault for the others.
   */
  sendEvents(events: readonly ServerExternalEvent[]): Promise<Outcome<void>>;
}

const defaultTimeoutMs = 60_000;

export function novaClient(
  deps: ClientDeps,
  caller: Caller,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): Nova {
  const since = (version: string): Ask =>
    askService(deps, caller, {
      service: 'compute',
      root: '/v2.1/',
      timeoutMs,
      headers: { 'openstack-api-version': `compute ${version}` },
      refusal,
    });
  const one = encodeURIComponent;

  return {
    computeServices: async () =>
      await documentOf('services', since('2.53')('GET', 'os-services?binary=nova-compute')),
    volumeAttachment: async (serverId, volumeId) =>
      await documentOf(
        'volumeAttachment',
        since('2.89')('GET', `servers/${one(serverId)}/os-volume_attachments/${one(volumeId)}`),
      ),
    async assistSnapshot(snapshot) {
      const body = { snapshot: { ...snapshot } };
      const answer = await since('2.1')('POST', 'os-assisted-volume-snapshots', body);
      return isFault(answer) ? answer : undefined;
    },
    async sendEvents(events) {
      const body: JsonObject = { events: events.map((event) => ({ ...event })) };
      const answer = await since('2.51')('POST', 'os-server-external-events', body);
      return isFault(answer) ? answer : undefined;
    },
  };
}

function refusal(status: number, body: Json | undefined, path: string): Fault {
  const kind = status >= 500 ? 'unavailable' : status === 404 ? 'notFound' : 'conflict';
  const text = JSON.stringify(body ?? '').slice(0, 300);
  return fault(kind, `Nova refused ${path}: ${status} ${text}`, { status: String(status) });
}

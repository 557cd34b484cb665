// What the sagas of cinder-volume ask Nova, as Cinder itself: to switch a running guest to a
// snapshot's file, and to notice that a volume grew.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { callService } from '#openstack/clients/call.ts';
import type { CinderDeps } from '../deps.ts';

type Deps = Pick<CinderDeps, 'http' | 'session'>;
const timeoutMs = 60_000;

async function ask(
  deps: Deps,
  path: string,
  body: Json,
  version: string,
  requestId: string,
): Promise<Outcome<Json | undefined>> {
  const answer = await callService(
    deps,
    { token: null, requestId },
    {
      method: 'POST',
      service: 'compute',
      path: `/v2.1${path}`,
      body,
      timeoutMs,
      headers: { 'openstack-api-version': `compute ${version}` },
    },
  );
  if (isFault(answer)) return answer;
  if (answer.status < 300) return answer.body;
  const kind =
    answer.status >= 500 ? 'unavailable' : answer.status === 404 ? 'notFound' : 'conflict';
  return fault(
    kind,
    `Nova refused ${path}: ${answer.status} ${JSON.stringify(answer.body ?? '').slice(0, 300)}`,
  );
}

/**
 * Nova answers at once and says how it went by os-update_snapshot_status. conflict or notFound:
 * nothing was switched. api-ref compute, "Create Assisted Volume Snapshots".
 */
export async function assistSnapshot(
  deps: Deps,
  snapshot: { id: string; volumeId: string; newFile: string },
  requestId: string,
): Promise<Outcome<void>> {
  const body = {
    snapshot: {
      volume_id: snapshot.volumeId,
      create_info: { snapshot_id: snapshot.id, new_file: snapshot.newFile, type: 'qcow2' },
    },
  };
  const asked = await ask(deps, '/os-assisted-volume-snapshots', body, '2.1', requestId);
  return isFault(asked) ? asked : undefined;
}

/** api-ref compute, "Run Events": volume-extended since 2.51. */
export async function tellExtended(
  deps: Deps,
  volumeId: string,
  serverId: string,
  requestId: string,
): Promise<Outcome<void>> {
  const told = await ask(
    deps,
    '/os-server-external-events',
    { events: [{ name: 'volume-extended', server_uuid: serverId, tag: volumeId }] },
    '2.51',
    requestId,
  );
  return isFault(told) ? told : undefined;
}

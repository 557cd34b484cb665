// cinder-volume's calls to Nova with Cinder's own identity: switch a running guest to a snapshot's
// file, and tell it that a volume has grown.
import type { Outcome } from '#contracts/common/fault.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { novaClient } from '#openstack/clients/nova.ts';

/** Asks Nova to switch the guest; results and faults as for `Nova.assistSnapshot`. */
export async function assistSnapshot(
  deps: ClientDeps,
  snapshot: { id: string; volumeId: string; newFile: string },
  requestId: string,
): Promise<Outcome<void>> {
  return await novaClient(deps, { token: null, requestId }).assistSnapshot({
    volume_id: snapshot.volumeId,
    create_info: { snapshot_id: snapshot.id, new_file: snapshot.newFile, type: 'qcow2' },
  });
}

export async function sendExtended(
  deps: ClientDeps,
  volumeId: string,
  serverId: string,
  requestId: string,
): Promise<Outcome<void>> {
  return await novaClient(deps, { token: null, requestId }).sendEvents([
    { name: 'volume-extended', server_uuid: serverId, tag: volumeId },
  ]);
}

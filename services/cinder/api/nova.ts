// cinder-api's calls to Nova with Cinder's own service identity: whether a server has a volume.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import { novaClient } from '#openstack/clients/nova.ts';

/**
 * The id of the attachment through which the server has the volume; '' if Nova does not tell it;
 * null: the server does not have the volume, or does not exist.
 */
export async function attachmentOfServer(
  deps: ClientDeps,
  serverId: string,
  volumeId: string,
  requestId: string,
): Promise<Outcome<string | null>> {
  const nova = novaClient(deps, { token: null, requestId });
  const attachment = await nova.volumeAttachment(serverId, volumeId);
  if (!isFault(attachment)) return attachment.attachment_id ?? '';
  const status = refusedStatus(attachment);
  if (status === undefined) return attachment;
  if (status === 404) return null;
  return fault('unavailable', `Nova does not tell what the server ${serverId} has: ${status}.`);
}

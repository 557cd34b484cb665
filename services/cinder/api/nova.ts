// What cinder-api asks Nova, as Cinder itself: whether a server still has a volume.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { callService } from '#openstack/clients/call.ts';
import type { CinderDeps } from '../deps.ts';

type Deps = Pick<CinderDeps, 'http' | 'session'>;
const timeoutMs = 60_000;

/**
 * The attachment by which a server has a volume; null: it does not have it, or there is no such
 * server. '' where Nova does not tell which.
 */
export async function attachmentOfServer(
  deps: Deps,
  serverId: string,
  volumeId: string,
  requestId: string,
): Promise<Outcome<string | null>> {
  const path = `/v2.1/servers/${encodeURIComponent(serverId)}/os-volume_attachments/${encodeURIComponent(volumeId)}`;
  const answer = await callService(
    deps,
    { token: null, requestId },
    {
      method: 'GET',
      service: 'compute',
      path,
      timeoutMs,
      headers: { 'openstack-api-version': 'compute 2.89' },
    },
  );
  if (isFault(answer)) return answer;
  if (answer.status === 404) return null;
  if (answer.status !== 200)
    return fault(
      'unavailable',
      `Nova does not tell what the server ${serverId} has: ${answer.status}.`,
    );
  return (
    (answer.body as { volumeAttachment?: { attachment_id?: string } } | undefined)?.volumeAttachment
      ?.attachment_id ?? ''
  );
}

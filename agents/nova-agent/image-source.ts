// Downloads image data from Glance with the agent's own service user.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { itself, refusedStatus } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { OpenImage } from '#ports/hypervisor.ts';

const downloadTimeoutMs = 15 * 60_000;

export function imageSource(deps: ClientDeps, imageId: string): OpenImage {
  const glance = glanceClient(deps, itself);
  return async (): Promise<Outcome<Readable>> => {
    const bytes = await glance.download(imageId, { timeoutMs: downloadTimeoutMs });
    if (!isFault(bytes)) return bytes;
    const status = refusedStatus(bytes);
    if (status === undefined) return bytes;
    return fault(
      status === 404 ? 'notFound' : 'unavailable',
      `Image ${imageId} cannot be fetched: Glance answered ${status}.`,
    );
  };
}

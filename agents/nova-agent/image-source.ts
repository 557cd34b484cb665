// Downloads image data from Glance, as the agent's own service user.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { OpenImage } from '#ports/hypervisor.ts';
import type { NovaAgentDeps } from './deps.ts';

const downloadTimeoutMs = 15 * 60_000;

export function imageSource(
  deps: Pick<NovaAgentDeps, 'http' | 'session'>,
  imageId: string,
): OpenImage {
  return async (): Promise<Outcome<Readable>> => {
    const token = await deps.session.token();
    if (isFault(token)) return token;
    const answer = await deps.http.send({
      method: 'GET',
      service: 'image',
      path: `/v2/images/${imageId}/file`,
      token,
      asStream: true,
      timeoutMs: downloadTimeoutMs,
    });
    if (isFault(answer)) return answer;
    if (answer.status === 200 && answer.stream) return answer.stream;
    return fault(
      answer.status === 404 ? 'notFound' : 'unavailable',
      `Image ${imageId} cannot be fetched: Glance answered ${answer.status}.`,
    );
  };
}

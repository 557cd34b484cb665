// Wraps every route to add what microversions change in all answers: since 1.15 answers with a body
// (and to GET) have Last-Modified and Cache-Control headers; since 1.23 faults have codes.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
import { fault, isFault, type Fault } from '#contracts/common/fault.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import type { Clock } from '#platform/clock.ts';

const cacheHeadersSince = 15;
const codesSince = 23;

/**
 * The Last-Modified header for an answer. Where a handler does not set it, `byVersion` adds the
 * current time.
 */
export const lastModified = (ms: number): Record<string, string> => ({
  'last-modified': new Date(ms).toUTCString(),
});

export function byVersion(route: Route, clock: Clock): Route {
  return {
    ...route,
    async handler(request) {
      const { method, version } = request as { method: string; version: number }; // whatever the body
      const reply = await route.handler(request);
      if (isFault(reply)) return version < codesSince ? withoutCode(reply) : reply;
      return dated(reply, method, version, clock.now());
    },
  };
}

function withoutCode({ kind, message, detail }: Fault): Fault {
  return fault(kind, message, { ...detail, code: '' });
}

function dated(reply: Reply, method: string, version: number, nowMs: number): Reply {
  const { 'last-modified': changed, ...headers } = reply.headers ?? {};
  if (version < cacheHeadersSince) return { ...reply, headers };
  if (method !== 'GET' && reply.body === undefined && changed === undefined) return reply;
  return {
    ...reply,
    headers: {
      ...headers,
      ...lastModified(nowMs),
      ...(changed !== undefined && { 'last-modified': changed }),
      'cache-control': 'no-cache',
    },
  };
}

// What Nova asks Placement: who has room, and the atomic claim of it.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpAnswer, HttpClient, HttpCall } from '#openstack/http/client.ts';

export interface Resources {
  VCPU: number;
  MEMORY_MB: number;
  DISK_GB?: number;
}

/** A provider with room, and how full it is. */
export interface Candidate {
  nodeUuid: string;
  allocations: Json;
  capacity: Readonly<Record<string, { capacity: number; used: number }>>;
}

// 1.36: required traits of both signs, `in_tree`, `limit`, consumer generations.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
const microversion = 'placement 1.36';

export interface PlacementDeps {
  http: HttpClient;
  session: ServiceSession;
}

async function ask(
  deps: PlacementDeps,
  call: Omit<HttpCall, 'service' | 'token'>,
): Promise<Outcome<HttpAnswer>> {
  const token = await deps.session.token();
  if (isFault(token)) return token;
  const answer = await deps.http.send({
    timeoutMs: 30_000,
    ...call,
    service: 'placement',
    token,
    headers: { ...call.headers, 'openstack-api-version': microversion },
  });
  if (!isFault(answer) && answer.status === 401) deps.session.renew();
  return answer;
}

const refused = (answer: HttpAnswer): string => JSON.stringify(answer.body)?.slice(0, 300) ?? '';

/**
 * Providers that can take the resources and have none of the `forbidden` traits; [] when there is
 * none.
 */
export async function candidates(
  deps: PlacementDeps,
  resources: Resources,
  options: {
    required: readonly string[];
    forbidden: readonly string[];
    inTree?: string;
    requestId: string;
  },
): Promise<Outcome<Candidate[]>> {
  const query = new URLSearchParams({
    resources: Object.entries(resources)
      .filter(([, amount]) => amount > 0)
      .map(([name, amount]) => `${name}:${amount}`)
      .join(','),
    limit: '1000',
  });
  const traits = [...options.required, ...options.forbidden.map((trait) => `!${trait}`)];
  if (traits.length > 0) query.set('required', traits.join(','));
  if (options.inTree !== undefined) query.set('in_tree', options.inTree);
  const answer = await ask(deps, {
    method: 'GET',
    path: `/allocation_candidates?${query.toString()}`,
    requestId: options.requestId,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200)
    return fault('unavailable', `Placement answered ${answer.status}: ${refused(answer)}`);
  const { allocation_requests, provider_summaries } = answer.body as {
    allocation_requests: { allocations: Record<string, Json> }[];
    provider_summaries: Record<
      string,
      { resources: Record<string, { capacity: number; used: number }> }
    >;
  }; // 200: the document of allocation candidates
  return allocation_requests.flatMap(({ allocations }) => {
    const [nodeUuid] = Object.keys(allocations);
    return nodeUuid === undefined
      ? []
      : [{ nodeUuid, allocations, capacity: provider_summaries[nodeUuid]?.resources ?? {} }];
  });
}

/**
 * Claims for a new consumer. concurrentUpdate: somebody was faster, try another. Repeating one's
 * own claim is fine.
 */
export async function claim(
  deps: PlacementDeps,
  consumer: { id: string; projectId: string; userId: string },
  candidate: Candidate,
  requestId: string,
): Promise<Outcome<void>> {
  const put = async (generation: number | null): Promise<Outcome<HttpAnswer>> =>
    await ask(deps, {
      method: 'PUT',
      path: `/allocations/${consumer.id}`,
      requestId,
      body: {
        allocations: candidate.allocations,
        project_id: consumer.projectId,
        user_id: consumer.userId,
        consumer_generation: generation,
      },
    });
  let answer = await put(null);
  if (!isFault(answer) && answer.status === 409) {
    // Either the room is gone, or this claim was made before a crash: then it is replaced by
    // itself.
    const held = await ask(deps, { method: 'GET', path: `/allocations/${consumer.id}`, requestId });
    if (isFault(held)) return held;
    const { consumer_generation: generation } = held.body as { consumer_generation?: number };
    if (generation === undefined)
      return fault('concurrentUpdate', `Placement refused: ${refused(answer)}`);
    answer = await put(generation);
  }
  if (isFault(answer)) return answer;
  if (answer.status === 204) return undefined;
  return fault(
    answer.status === 409 ? 'concurrentUpdate' : 'unavailable',
    `Placement answered ${answer.status}: ${refused(answer)}`,
  );
}

/** Gives everything of the consumer back; nothing held is fine. */
export async function release(
  deps: PlacementDeps,
  consumerId: string,
  requestId: string,
): Promise<Outcome<void>> {
  const answer = await ask(deps, {
    method: 'DELETE',
    path: `/allocations/${consumerId}`,
    requestId,
  });
  if (isFault(answer)) return answer;
  return answer.status === 204 || answer.status === 404
    ? undefined
    : fault('unavailable', `Placement answered ${answer.status}: ${refused(answer)}`);
}

/** Takes a host's provider away; none is fine. conflict: something is still allocated there. */
export async function deleteProvider(
  deps: PlacementDeps,
  nodeUuid: string,
  requestId: string,
): Promise<Outcome<void>> {
  const answer = await ask(deps, {
    method: 'DELETE',
    path: `/resource_providers/${nodeUuid}`,
    requestId,
  });
  if (isFault(answer)) return answer;
  if (answer.status === 204 || answer.status === 404) return undefined;
  return fault(
    answer.status === 409 ? 'conflict' : 'unavailable',
    `Placement answered ${answer.status}: ${refused(answer)}`,
  );
}

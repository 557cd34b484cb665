// Client for Placement's API, for Nova, its agents, Cortex and the Hypervisor Operator: candidates
// with free resources, atomic claims (allocations), and a host's inventory and traits.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type {
  Candidate,
  ProviderEntry,
  ProviderInventory,
  ProviderTraits,
  ProviderUsages,
  Resources,
} from '#contracts/placement/wire.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { HttpAnswer } from '../http/client.ts';
import type { Caller, ClientDeps } from './call.ts';
import { callService } from './call.ts';

// 1.36: required and forbidden traits, `in_tree`, `limit`, consumer generations.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
const microversion = 'placement 1.36';
const defaultTimeoutMs = 30_000;

export interface CandidateQuery {
  required: readonly string[];
  forbidden: readonly string[];
  inTree?: string;
}

export interface Consumer {
  id: string;
  projectId: string;
  userId: string;
}

/**
 * Calls to Placement. Faults of every call: unavailable, timeout. A refusal has its HTTP status in
 * `detail`.
 */
export interface Placement {
  /**
   * Providers with enough free resources, all `required` traits and none of the `forbidden` ones;
   * [] if there are none.
   */
  candidates(resources: Resources, query: CandidateQuery): Promise<Outcome<Candidate[]>>;
  /**
   * Claims resources for the consumer; replaces its earlier claim. concurrentUpdate: another claim
   * was faster, try another provider. timeout: `isWanted` returned false, and nothing was claimed.
   */
  claim(consumer: Consumer, candidate: Candidate, isWanted: () => boolean): Promise<Outcome<void>>;
  /**
   * Claims for a consumer that moves. In one write, what it holds is transferred to the consumer
   * `moveId`, and it gets the candidate. A repetition replaces only the consumer's own part. Faults
   * as for `claim`.
   */
  claimMove(
    consumer: Consumer,
    moveId: string,
    candidate: Candidate,
    isWanted: () => boolean,
  ): Promise<Outcome<void>>;
  /**
   * Undoes `claimMove`: the consumer gets back what `moveId` holds, which then holds nothing.
   * Idempotent. concurrentUpdate: another write came in between.
   */
  undoMove(consumer: Consumer, moveId: string): Promise<Outcome<void>>;
  /** Ids of consumers with allocations on the host; [] if it has no provider. */
  consumers(nodeUuid: string): Promise<Outcome<string[]>>;
  /** The consumer's allocations by provider; {}: none. */
  allocations(consumerId: string): Promise<Outcome<Record<string, Record<string, number>>>>;
  /** Deletes all of the consumer's allocations. Succeeds if it has none. */
  release(consumerId: string): Promise<Outcome<void>>;
  /** Creates a provider. Succeeds if it exists already. */
  createProvider(provider: { uuid: string; name: string }): Promise<Outcome<void>>;
  /** The provider's inventories. notFound: there is no such provider. */
  inventory(nodeUuid: string): Promise<Outcome<ProviderInventory>>;
  /** Replaces the whole inventory. concurrentUpdate: the generation is stale. */
  setInventory(nodeUuid: string, inventory: ProviderInventory): Promise<Outcome<void>>;
  /** The provider's traits. notFound: there is no such provider. */
  traits(nodeUuid: string): Promise<Outcome<ProviderTraits>>;
  /** Replaces all traits. concurrentUpdate: the generation is stale. */
  setTraits(nodeUuid: string, traits: ProviderTraits): Promise<Outcome<void>>;
  /** Creates a custom trait. Succeeds if it exists already. */
  createTrait(name: string): Promise<Outcome<void>>;
  /** All providers. A provider's generation is incremented by every change of it. */
  providers(): Promise<Outcome<ProviderEntry[]>>;
  /** Allocated amounts of the provider by resource class. notFound: there is no such provider. */
  usages(nodeUuid: string): Promise<Outcome<ProviderUsages>>;
  /** Deletes the provider. Succeeds if it does not exist. conflict: it still has allocations. */
  deleteProvider(nodeUuid: string): Promise<Outcome<void>>;
}

export function placementClient(
  deps: ClientDeps,
  caller: Caller,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): Placement {
  const ask = async (method: HttpMethod, path: string, body?: Json) =>
    await callService(deps, caller, {
      method,
      service: 'placement',
      path,
      timeoutMs,
      headers: { 'openstack-api-version': microversion },
      ...(body === undefined ? {} : { body }),
    });

  const read = async <T>(path: string): Promise<Outcome<T>> => {
    const answer = await ask('GET', path);
    if (isFault(answer)) return answer;
    if (answer.status === 404) return fault('notFound', refusal(answer).message, statusIn(answer));
    // 200: the document of that provider
    return answer.status === 200 ? (answer.body as T) : refusal(answer);
  };
  const replace = async (path: string, document: Json): Promise<Outcome<void>> => {
    const answer = await ask('PUT', path, document);
    if (isFault(answer)) return answer;
    if (answer.status === 200) return undefined;
    return answer.status === 409
      ? fault('concurrentUpdate', refusal(answer).message, statusIn(answer))
      : refusal(answer);
  };
  const consumerOf = async (consumerId: string): Promise<Outcome<Held>> => {
    const answer = await ask('GET', `/allocations/${consumerId}`);
    if (isFault(answer)) return answer;
    if (answer.status !== 200) return refusal(answer);
    // 200: the document of a consumer's allocations
    const { allocations = {}, consumer_generation: generation = null } = answer.body as {
      allocations?: Record<string, { resources: Record<string, number> }>;
      consumer_generation?: number;
    };
    return {
      generation,
      allocations: Object.fromEntries(
        Object.entries(allocations).map(([id, { resources }]) => [id, { resources }]),
      ),
    };
  };
  const writeTogether = async (
    { projectId, userId }: Consumer,
    claims: Record<string, { allocations: Json; generation: number | null }>,
  ): Promise<Outcome<void>> => {
    const answer = await ask(
      'POST',
      '/allocations',
      Object.fromEntries(
        Object.entries(claims).map(([id, { allocations, generation }]) => [
          id,
          {
            allocations,
            project_id: projectId,
            user_id: userId,
            consumer_generation: generation,
          },
        ]),
      ),
    );
    if (isFault(answer)) return answer;
    if (answer.status === 204) return undefined;
    return answer.status === 409
      ? fault('concurrentUpdate', refusal(answer).message)
      : refusal(answer);
  };
  const provider = (nodeUuid: string): string => `/resource_providers/${nodeUuid}`;

  return {
    async createProvider({ uuid, name }) {
      const answer = await ask('POST', '/resource_providers', { uuid, name });
      if (isFault(answer)) return answer;
      return answer.status < 400 || answer.status === 409 ? undefined : refusal(answer);
    },
    inventory: async (nodeUuid) => await read(`${provider(nodeUuid)}/inventories`),
    setInventory: async (nodeUuid, inventory) =>
      await replace(`${provider(nodeUuid)}/inventories`, { ...inventory }),
    traits: async (nodeUuid) => await read(`${provider(nodeUuid)}/traits`),
    setTraits: async (nodeUuid, traits) =>
      await replace(`${provider(nodeUuid)}/traits`, { ...traits }),
    async allocations(consumerId) {
      const consumer = await consumerOf(consumerId);
      if (isFault(consumer)) return consumer;
      return Object.fromEntries(
        Object.entries(consumer.allocations).map(([id, { resources }]) => [id, resources]),
      );
    },
    async createTrait(name) {
      const answer = await ask('PUT', `/traits/${encodeURIComponent(name)}`);
      if (isFault(answer)) return answer;
      return answer.status < 300 ? undefined : refusal(answer);
    },
    async providers() {
      const document = await read<{ resource_providers: ProviderEntry[] }>('/resource_providers');
      return isFault(document) ? document : document.resource_providers;
    },
    usages: async (nodeUuid) => await read(`${provider(nodeUuid)}/usages`),
    async candidates(resources, query) {
      const answer = await ask('GET', `/allocation_candidates?${queryOf(resources, query)}`);
      if (isFault(answer)) return answer;
      if (answer.status !== 200) return refusal(answer);
      // 200: the document of allocation candidates
      const { allocation_requests, provider_summaries } = answer.body as {
        allocation_requests: { allocations: Record<string, Json> }[];
        provider_summaries: Record<string, { resources: Candidate['capacity'] }>;
      };
      return allocation_requests.flatMap(({ allocations }) => {
        const [nodeUuid] = Object.keys(allocations);
        return nodeUuid === undefined
          ? []
          : [{ nodeUuid, allocations, capacity: provider_summaries[nodeUuid]?.resources ?? {} }];
      });
    },
    async claim(consumer, candidate, isWanted) {
      const path = `/allocations/${consumer.id}`;
      const put = async (generation: number | null) =>
        await ask('PUT', path, {
          allocations: candidate.allocations,
          project_id: consumer.projectId,
          user_id: consumer.userId,
          consumer_generation: generation,
        });
      const unwanted = fault('timeout', 'Nobody waits for this claim any more.');
      if (!isWanted()) return unwanted;
      const first = await put(null);
      if (isFault(first)) return first;
      if (first.status !== 409) return first.status === 204 ? undefined : refusal(first);
      // Either others use the resources, or this claim was written before a crash: then it is
      // replaced by itself, under its generation.
      const current = await ask('GET', path);
      if (isFault(current)) return current;
      const { consumer_generation: generation } = current.body as { consumer_generation?: number };
      // Checked after the generation was read: if our caller has given up and another process has
      // claimed instead, the generation is stale and our write is refused.
      if (!isWanted()) return unwanted;
      const again = generation === undefined ? first : await put(generation);
      if (isFault(again)) return again;
      if (again.status === 204) return undefined;
      return again.status === 409
        ? fault('concurrentUpdate', refusal(again).message)
        : refusal(again);
    },
    async claimMove(consumer, moveId, { allocations }, isWanted) {
      const [own, moved] = [await consumerOf(consumer.id), await consumerOf(moveId)];
      if (isFault(own)) return own;
      if (isFault(moved)) return moved;
      // Checked after the generations were read: if our caller has given up and another process has
      // claimed instead, they are stale and our write is refused.
      if (!isWanted()) return fault('timeout', 'Nobody waits for this claim any more.');
      const isRepeated = moved.generation !== null;
      return await writeTogether(consumer, {
        ...(isRepeated ? {} : { [moveId]: { allocations: own.allocations, generation: null } }),
        [consumer.id]: { allocations, generation: own.generation },
      });
    },
    async undoMove(consumer, moveId) {
      const [own, moved] = [await consumerOf(consumer.id), await consumerOf(moveId)];
      if (isFault(own)) return own;
      if (isFault(moved)) return moved;
      if (moved.generation === null) return undefined;
      return await writeTogether(consumer, {
        [moveId]: { allocations: {}, generation: moved.generation },
        [consumer.id]: { allocations: moved.allocations, generation: own.generation },
      });
    },
    async consumers(nodeUuid) {
      const answer = await ask('GET', `/resource_providers/${nodeUuid}/allocations`);
      if (isFault(answer)) return answer;
      if (answer.status === 404) return [];
      if (answer.status !== 200) return refusal(answer);
      return Object.keys((answer.body as { allocations: Record<string, Json> }).allocations);
    },
    async release(consumerId) {
      const answer = await ask('DELETE', `/allocations/${consumerId}`);
      if (isFault(answer)) return answer;
      return answer.status === 204 || answer.status === 404 ? undefined : refusal(answer);
    },
    async deleteProvider(nodeUuid) {
      const answer = await ask('DELETE', provider(nodeUuid));
      if (isFault(answer)) return answer;
      if (answer.status === 204 || answer.status === 404) return undefined;
      return answer.status === 409 ? fault('conflict', refusal(answer).message) : refusal(answer);
    },
  };
}

/** What a consumer holds. `generation` null: it holds nothing. */
interface Held {
  generation: number | null;
  allocations: Record<string, { resources: Record<string, number> }>;
}

function queryOf(resources: Resources, { required, forbidden, inTree }: CandidateQuery): string {
  const query = new URLSearchParams({
    resources: Object.entries(resources)
      .filter(([, amount]) => amount > 0)
      .map(([name, amount]) => `${name}:${amount}`)
      .join(','),
    limit: '1000',
  });
  const traits = [...required, ...forbidden.map((trait) => `!${trait}`)];
  if (traits.length > 0) query.set('required', traits.join(','));
  if (inTree !== undefined) query.set('in_tree', inTree);
  return query.toString();
}

const statusIn = ({ status }: HttpAnswer) => ({ status: String(status) });

const refusal = (answer: HttpAnswer) =>
  fault(
    'unavailable',
    `Placement answered ${answer.status}: ${JSON.stringify(answer.body)?.slice(0, 300) ?? ''}`,
    statusIn(answer),
  );

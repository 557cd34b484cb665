// Writes `History` resources: the last decisions on each server, for operators with kubectl.
// Asynchronous: decisions never wait. If decisions come faster than the write rate, they are merged
// by server, and beyond a bound the oldest are dropped. Old resources are deleted. Started by
// compose if there is a Kubernetes API. ADR 36.
import { isFault } from '#contracts/common/fault.ts';
import type { HistoryEntry, HistoryResource } from '#contracts/cortex/resources.ts';
import { histories } from '#contracts/cortex/resources.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Kube } from '#ports/kube.ts';
import type { LoggedDecision } from './domain/decision-log.ts';
import { historyEntry, historyStatus } from './domain/explain/history-of.ts';

export interface HistoryDeps {
  kube: Pick<Kube, 'get' | 'create' | 'patch' | 'list' | 'remove'>;
  clock: Pick<Clock, 'now' | 'every'>;
  log: Log;
}

export interface HistoryWriter {
  /** Queues a decision to be written. `hosts`: the hosts of the answer, best first. */
  note(logged: LoggedDecision, hosts: readonly string[]): void;
  stop(): Promise<void>;
}

interface Waiting {
  zone: string | null;
  /** Oldest first. */
  entries: HistoryEntry[];
}

export const historyBounds = {
  /** Limit of `History` resources written in one run. */
  writtenAtOnce: 20,
  /** Interval of these runs. */
  writeEveryMs: 1_000,
  /** Limit of servers whose decisions wait to be written. */
  waiting: 1_000,
  /** Limit of waiting decisions per server: as many as a resource can hold. */
  entries: 11,
  /** Limit of `History` resources in the API; the oldest are deleted. */
  kept: 2_000,
  /** Resources whose last decision is older are deleted. */
  keptMs: 7 * 86_400_000,
  /** Interval of these deletions. */
  collectEveryMs: 600_000,
  /** Limit of deletions in one run. */
  removedAtOnce: 200,
};
/** Other ids are not servers, and may be invalid as names of resources. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function writeHistories(
  { kube, clock, log }: HistoryDeps,
  bounds = historyBounds,
): HistoryWriter {
  /** By server, the one that has waited longest first. */
  const waiting = new Map<string, Waiting>();
  let leftOut = 0;

  async function write(serverId: string, { zone, entries }: Waiting): Promise<void> {
    const name = `nova-${serverId}`;
    const spec: HistoryResource['spec'] = {
      schedulingDomain: 'nova',
      resourceID: serverId,
      ...(zone !== null && { availabilityZone: zone }),
    };
    const history = await kube.get(histories, { name });
    const object =
      isFault(history) && history.kind === 'notFound'
        ? await kube.create(histories, { metadata: { name }, spec })
        : history;
    const outcome = isFault(object)
      ? object
      : await kube.patch(
          histories,
          { name },
          { status: historyStatus(object, entries, clock.now()) },
          { subresource: 'status' },
        );
    if (isFault(outcome))
      log.warn({ server: serverId, why: outcome.message }, 'no history is kept');
  }

  async function writeSome(): Promise<void> {
    for (const [serverId, one] of [...waiting].slice(0, bounds.writtenAtOnce)) {
      // Removed before the write, so that a decision made meanwhile is queued again.
      waiting.delete(serverId);
      await write(serverId, one);
    }
    if (leftOut > 0) log.info({ decisions: leftOut }, 'more decisions than histories are written');
    leftOut = 0;
  }

  async function collect(): Promise<void> {
    const list = await kube.list(histories);
    if (isFault(list)) return log.warn({ why: list.message }, 'histories are not collected');
    const byAge = list.toSorted((a, b) => (decidedAt(a) < decidedAt(b) ? -1 : 1));
    const eldest = new Date(clock.now() - bounds.keptMs).toISOString();
    const expired = byAge.filter(
      (one, index) => index < byAge.length - bounds.kept || decidedAt(one) < eldest,
    );
    for (const { metadata } of expired.slice(0, bounds.removedAtOnce)) {
      const { name = '', uid } = metadata;
      const outcome = await kube.remove(histories, { name }, uid === undefined ? {} : { uid });
      if (isFault(outcome)) log.warn({ name, why: outcome.message }, 'a history is not removed');
    }
  }

  const onError = (error: unknown): void => log.error({ error }, 'histories');
  const loops = [
    clock.every(bounds.writeEveryMs, writeSome, { onError }),
    clock.every(bounds.collectEveryMs, collect, { onError }),
  ];
  return {
    note(logged, hosts) {
      const { serverId, zone } = logged.decision.request;
      if (!uuid.test(serverId)) return;
      const { entries = [] } = waiting.get(serverId) ?? {};
      entries.push(historyEntry(logged, hosts));
      waiting.set(serverId, { zone, entries: entries.slice(-bounds.entries) });
      const [oldest] = waiting.keys();
      if (waiting.size <= bounds.waiting || oldest === undefined) return;
      leftOut += waiting.get(oldest)?.entries.length ?? 0;
      waiting.delete(oldest);
    },
    async stop() {
      await Promise.all(loops.map(async (one) => await one.stop()));
      await writeSome();
    },
  };
}

/** When the decision was made, in RFC 3339, so that text order is time order. */
const decidedAt = ({ status, metadata }: HistoryResource): string =>
  status?.current?.timestamp ?? metadata.creationTimestamp ?? '';

// Watches: streams of the changes after a revision, one JSON object on each line. A watch is only a
// position in the store's history; its events are made when its reader can take them, so a slow
// reader costs no memory. If its position is no longer in the history, the watch ends with 410
// Expired and the client lists again.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import type { KubeObject } from '#contracts/kube/object.ts';
import type { SelfSending } from '#platform/http/self-sending.ts';
import { sendTo } from '#platform/http/self-sending.ts';
import type { Resource } from '../domain/resource.ts';
import { apiVersionOf, storageKey } from '../domain/resource.ts';
import { parseSelectors } from '../domain/selectors.ts';
import type { Answer } from '../domain/status.ts';
import { Refusal, badRequest, isRefusal } from '../domain/status.ts';
import { toMetadata, toTable } from '../domain/table.ts';
import type { Change, Stored } from '../store/object-store.ts';
import type { KubeDeps } from './deps.ts';
import type { ListQuery, View } from './read-objects.ts';
import { onStored, textAs } from './read-objects.ts';
import { crdKind } from './registry.ts';
import type { Target } from './write-objects.ts';
import { shownAs } from './write-objects.ts';

export interface WatchQuery extends Omit<ListQuery, 'limit' | 'continue'> {
  timeoutSeconds: number;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean;
}

/** Changes sent before the history is read again. */
const changesAtOnce = 100;
/** For watches without timeoutSeconds; upstream: 30 to 60 minutes at random. */
const defaultTimeoutMs = 30 * 60_000;
const bookmarkEveryMs = 60_000;
/** Limit for all clients together, because each watch occupies a socket. */
const maxWatches = 10_000;
let watches = 0;

/** The answer's body: a stream that writes itself to the client. */
export function watchObjects(
  deps: KubeDeps,
  { resource, namespace, name }: Target,
  query: WatchQuery,
  view: View,
): Answer<SelfSending> {
  const fields = [query.fieldSelector, ...(name === '' ? [] : [`metadata.name=${name}`])]
    .filter(Boolean)
    .join(',');
  const matches = parseSelectors(resource, { labels: query.labelSelector, fields });
  if (isRefusal(matches)) return matches;
  if (!/^\d*$/.test(query.resourceVersion))
    return badRequest(`resourceVersion: Invalid value: "${query.resourceVersion}"`);
  if (query.sendInitialEvents && query.resourceVersionMatch !== 'NotOlderThan')
    return badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (watches >= maxWatches)
    return new Refusal('TooManyRequests', `there are ${maxWatches} watches already`, {
      retryAfterSeconds: 5,
    });
  return new Watch(deps, {
    resource,
    namespace,
    query,
    view,
    matches: matches && onStored(matches, fields),
  });
}

interface Watched {
  resource: Resource;
  namespace: string;
  query: WatchQuery;
  view: View;
  matches: ((stored: Stored) => boolean) | undefined;
}

class Watch extends Readable implements SelfSending {
  readonly #deps: KubeDeps;
  readonly #watched: Watched;
  #hasColumns = false;

  constructor(deps: KubeDeps, watched: Watched) {
    super();
    this.#deps = deps;
    this.#watched = watched;
  }

  /** Never used: the watch writes to the destination by `sendTo`. */
  override _read(): void {
    this.destroy(new Error('a watch is sent, not read'));
  }

  async [sendTo](destination: Writable): Promise<void> {
    const { store, clock, registry } = this.#deps;
    const { resource, query } = this.#watched;
    const kind = storageKey(resource);
    // kubectl waits for the headers before it does anything else.
    if ('flushHeaders' in destination) (destination as ServerResponse).flushHeaders();
    const endController = new AbortController();
    const end = (): void => endController.abort();
    destination.once('close', end);
    watches += 1;
    let wake = Promise.withResolvers<void>();
    let isBookmarkDue = false;
    let isIdle = false;
    let since = 0;
    const stir = (): void => {
      isIdle = false;
      wake.resolve();
    };
    const forget = store.onChange((change) => {
      // Also when a CRD changes: a watch ends when its resource is no longer served.
      if (change.kind === kind || change.kind === crdKind) stir();
      // A change of another kind: an idle watch moves its position along, so that it does not fall
      // out of the history.
      else if (isIdle) since = Math.max(since, change.revision);
    });
    const bookmarks = query.allowWatchBookmarks
      ? clock.every(
          bookmarkEveryMs,
          () => {
            isBookmarkDue = true;
            stir();
          },
          { onError: end },
        )
      : undefined;
    const timeoutMs = query.timeoutSeconds > 0 ? query.timeoutSeconds * 1000 : defaultTimeoutMs;
    const timer = clock.after(timeoutMs, end, { unref: true });
    endController.signal.addEventListener('abort', stir, { once: true });
    const isServed = (): boolean =>
      registry.find(resource.group, resource.version, resource.plural) !== undefined;
    try {
      since = await this.#sendPresent(destination, endController.signal);
      while (!endController.signal.aborted && isServed()) {
        const reached = await this.#sendSince(destination, since, endController.signal);
        if (reached === undefined) break;
        since = reached;
        if (isBookmarkDue) await write(destination, this.#bookmark(since), endController.signal);
        isBookmarkDue = false;
        isIdle = since >= store.revision();
        if (isIdle) await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      watches -= 1;
      forget();
      timer.stop();
      await bookmarks?.stop();
      destination.removeListener('close', end);
    }
  }

  /**
   * Sends the existing objects, if the query asks for them. Returns the revision after which
   * changes follow.
   */
  async #sendPresent(destination: Writable, endSignal: AbortSignal): Promise<number> {
    const { store } = this.#deps;
    const { resource, namespace, query, matches } = this.#watched;
    const { resourceVersion, sendInitialEvents } = query;
    const since = Number(resourceVersion || 0);
    if (since !== 0 && !sendInitialEvents) return since;
    const revision = store.revision();
    for (const stored of store.list(storageKey(resource), namespace))
      if (matches === undefined || matches(stored))
        await write(destination, this.#line('ADDED', stored), endSignal);
    if (sendInitialEvents) await write(destination, this.#bookmark(revision, true), endSignal);
    return revision;
  }

  /**
   * Sends the changes after `since`. Returns the revision it has reached; undefined: the watch has
   * ended because `since` is no longer in the history.
   */
  async #sendSince(
    destination: Writable,
    since: number,
    endSignal: AbortSignal,
  ): Promise<number | undefined> {
    const { store } = this.#deps;
    const kind = storageKey(this.#watched.resource);
    const now = store.revision();
    const changes = store.changesSince(since);
    if (!changes) {
      const tooOld = new Refusal('Expired', `too old resource version: ${since} (${now})`);
      const status = JSON.stringify(tooOld.toStatus());
      await write(destination, `{"type":"ERROR","object":${status}}\n`, endSignal);
      return undefined;
    }
    // Only some at a time, so that a slow reader does not keep a whole list of changes in memory.
    const part = changes.slice(0, changesAtOnce);
    for (const change of part) {
      const line = change.kind === kind ? this.#eventOf(change) : undefined;
      if (line !== undefined) await write(destination, line, endSignal);
    }
    return part.at(-1)?.revision ?? Math.max(since, now);
  }

  /**
   * The event for a client that sees only matching objects: a change may make an object enter or
   * leave its view. undefined: not visible to the client.
   */
  #eventOf({ type, current, previous }: Change): string | undefined {
    const { namespace, matches } = this.#watched;
    if (namespace !== '' && current.namespace !== namespace) return undefined;
    if (matches === undefined) return this.#line(type, current);
    const isIn = type !== 'DELETED' && matches(current);
    const wasIn = previous !== undefined && matches(previous);
    if (isIn) return this.#line(wasIn ? 'MODIFIED' : 'ADDED', current);
    return wasIn ? this.#line('DELETED', current) : undefined;
  }

  #line(type: Change['type'], stored: Stored): string {
    const { resource, view } = this.#watched;
    const text =
      view.form === 'object'
        ? textAs(stored, resource)
        : JSON.stringify(this.#view(shownAs(stored.object, resource)));
    return `{"type":"${type}","object":${text}}\n`;
  }

  #view(object: KubeObject): unknown {
    const { resource, view } = this.#watched;
    if (view.form === 'metadata') return toMetadata(object);
    if (view.form !== 'table') return object;
    const withColumns = !this.#hasColumns;
    this.#hasColumns = true;
    return toTable([object], resource, {
      includeObject: view.includeObject,
      nowMs: this.#deps.clock.now(),
      metadata: { resourceVersion: object.metadata.resourceVersion },
      withColumns,
    });
  }

  #bookmark(revision: number, isInitialEnd = false): string {
    const { resource, view } = this.#watched;
    const metadata = {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const object: KubeObject = {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata,
    };
    const body = view.form === 'table' ? { ...(this.#view(object) as object), rows: [] } : object;
    return `{"type":"BOOKMARK","object":${JSON.stringify(body)}}\n`;
  }
}

/** Resolves when the destination can take more data, or has been closed. */
async function write(destination: Writable, line: string, endSignal: AbortSignal): Promise<void> {
  if (endSignal.aborted || destination.destroyed || destination.write(line)) return;
  await once(destination, 'drain', { signal: endSignal }).catch((error: unknown) => {
    if (!endSignal.aborted) throw error;
  });
}

// A cache of a kind's objects (an informer): lists them once, then applies the changes that a watch
// reports. A watch that ends is resumed at its last resourceVersion, or after a new list if the
// server no longer has that version.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import type { Fault } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject, WatchEvent } from '#contracts/kube/object.ts';
import type { FollowOptions, Followed, KubeRef } from '#ports/kube.ts';
import type { KubeClientDeps } from './requests.ts';
import { listAll, pathOf, refusal, selectorQuery } from './requests.ts';

const retryMs = { first: 200, most: 15_000 };
/**
 * timeoutSeconds of a watch: the server ends it then, so a dead connection is noticed by then at
 * the latest.
 */
const watchSeconds = 300;

const keyOf = ({ name, namespace = '' }: KubeRef): string => `${namespace}/${name}`;
const refOf = ({ metadata: { name = '', namespace } }: KubeObject): KubeRef => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
});

export function follow<T extends KubeObject>(
  deps: KubeClientDeps,
  kind: KubeKind<T>,
  options: FollowOptions<T>,
): Followed<T> {
  const { transport, clock, ids } = deps;
  const objects = new Map<string, T>();
  const stopped = new AbortController();
  const { signal } = stopped;
  const first = Promise.withResolvers<void>();
  let version = '';

  const take = (object: T, isGone: boolean): void => {
    const key = keyOf(refOf(object));
    if (isGone) objects.delete(key);
    else objects.set(key, object);
    options.onChange(object, isGone);
  };

  /** Lists the objects; also reports those that were deleted since the previous list. */
  const list = async (): Promise<Fault | undefined> => {
    const listed = await listAll<T>(deps, kind, options);
    if (isFault(listed)) return listed;
    const present = new Set(listed.items.map((object) => keyOf(refOf(object))));
    for (const [key, object] of objects) if (!present.has(key)) take(object, true);
    for (const object of listed.items) {
      const before = objects.get(keyOf(refOf(object)));
      if (before?.metadata.resourceVersion !== object.metadata.resourceVersion) take(object, false);
    }
    version = listed.resourceVersion;
    first.resolve();
    return undefined;
  };

  const watch = async (): Promise<Fault | undefined> => {
    const query = [
      'watch=true',
      'allowWatchBookmarks=true',
      `resourceVersion=${version}`,
      `timeoutSeconds=${watchSeconds}`,
      ...selectorQuery(options),
    ].join('&');
    let trouble: Fault | undefined;
    const result = await transport.stream(
      `${pathOf(kind, options)}?${query}`,
      (line) => {
        const { type, object } = line as WatchEvent; // the API server's format
        const changed = object as T;
        if (type === 'ERROR') {
          const { code = 500 } = object as { code?: number };
          trouble = refusal(code, object);
          return;
        }
        version = changed.metadata.resourceVersion ?? version;
        if (type !== 'BOOKMARK') take(changed, type === 'DELETED');
      },
      signal,
    );
    if (trouble) return trouble;
    if (isFault(result)) return result;
    return result.status >= 300 ? refusal(result.status, result.body) : undefined;
  };

  const run = async (): Promise<void> => {
    let pauseMs = retryMs.first;
    while (!signal.aborted) {
      const failed = version === '' ? await list() : await watch();
      if (signal.aborted) return;
      if (!failed) {
        pauseMs = retryMs.first;
        continue;
      }
      // 410 Gone: the server has dropped that resourceVersion; a new list shows what changed.
      if (failed.kind === 'gone') version = '';
      else {
        options.onTrouble?.(failed);
        await clock.sleep(pauseMs * (0.5 + ids.random()), { signal }).catch(() => undefined);
        pauseMs = Math.min(2 * pauseMs, retryMs.most);
      }
    }
  };
  const running = run().catch((error: unknown) => {
    options.onTrouble?.(fault('unavailable', `following ${kind.plural} ended: ${String(error)}`));
  });

  return {
    ready: first.promise,
    get: (ref) => objects.get(keyOf(ref)),
    list: () => [...objects.values()],
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

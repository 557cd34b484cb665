// The objects of a kind, kept up to date: listed once, then told of each change by a watch, which
// is taken up again where it ended, or from a new list where the server has forgotten that far
// back.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import type { Fault } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject, WatchEvent } from '#contracts/kube/object.ts';
import type { FollowOptions, Followed, KubeRef } from '#ports/kube.ts';
import type { KubeClientDeps } from './requests.ts';
import { listAll, pathOf, refusal, selectorQuery } from './requests.ts';

const retryMs = { first: 200, most: 15_000 };
/** The server ends a watch after this; a lost connection is noticed then at the latest. */
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

  /** What is gone since the list before is told, too. */
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
    const ended = await transport.stream(
      `${pathOf(kind, options)}?${query}`,
      (line) => {
        const { type, object } = line as WatchEvent; // of the server's own making
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
    if (isFault(ended)) return ended;
    return ended.status >= 300 ? refusal(ended.status, ended.body) : undefined;
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
      // it has forgotten that far back: a new list tells what has happened
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

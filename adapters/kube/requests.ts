// Parts of a Kubernetes client's requests: paths, lists in pages, and errors as faults.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { KubeRef, Selector } from '#ports/kube.ts';
import type { KubeTransport } from './transport.ts';

export interface KubeClientDeps {
  transport: KubeTransport;
  clock: Clock;
  ids: Pick<Ids, 'random'>;
}

export const timeoutMs = 30_000;
/** Objects on one page of a list. */
const pageSize = 500;

export function pathOf(
  { group, version, plural, namespaced }: KubeKind,
  { name, namespace }: Partial<KubeRef>,
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const inNamespace =
    namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const one = name === undefined || name === '' ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${inNamespace}/${plural}${one}`;
}

export const selectorQuery = ({ labelSelector, fieldSelector }: Selector): string[] => [
  ...(labelSelector ? [`labelSelector=${encodeURIComponent(labelSelector)}`] : []),
  ...(fieldSelector ? [`fieldSelector=${encodeURIComponent(fieldSelector)}`] : []),
];

interface Listed<T> {
  items: T[];
  resourceVersion: string;
}

/** All pages of a list; the resourceVersion is that of the first page. */
export async function listAll<T extends KubeObject>(
  { transport }: Pick<KubeClientDeps, 'transport'>,
  kind: KubeKind<T>,
  selector: Selector,
): Promise<Outcome<Listed<T>>> {
  const items: T[] = [];
  let [token, resourceVersion] = ['', ''];
  do {
    const query = [
      `limit=${pageSize}`,
      ...selectorQuery(selector),
      ...(token === '' ? [] : [`continue=${encodeURIComponent(token)}`]),
    ].join('&');
    const path = `${pathOf(kind, selector)}?${query}`;
    const reply = await transport.send({ method: 'GET', path, timeoutMs });
    if (isFault(reply)) return reply;
    if (reply.status >= 300) return refusal(reply.status, reply.body);
    const page = reply.body as {
      metadata: { resourceVersion: string; continue?: string };
      items: T[];
    };
    // Items of a list lack apiVersion and kind, so they are added.
    const { group, version, kind: name } = kind;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    items.push(...page.items.map((item) => ({ ...item, apiVersion, kind: name })));
    resourceVersion ||= page.metadata.resourceVersion;
    token = page.metadata.continue ?? '';
  } while (token !== '');
  return { items, resourceVersion };
}

/** The fault for an error reply (a Status object), with the server's own message. */
export function refusal(code: number, body: unknown): Fault {
  const { message = `the Kubernetes API answered ${code}`, reason = '' } = (body ?? {}) as {
    message?: string;
    reason?: string;
  };
  const detail = { status: String(code), reason };
  switch (code) {
    case 401:
      return fault('unauthorized', message, detail);
    case 403:
      return fault('forbidden', message, detail);
    case 404:
      return fault('notFound', message, detail);
    case 409:
      return fault(reason === 'AlreadyExists' ? 'conflict' : 'concurrentUpdate', message, detail);
    case 410:
      return fault('gone', message, detail);
    case 429:
      return fault('tooManyRequests', message, detail);
    default:
      return fault(code >= 500 ? 'unavailable' : 'unprocessable', message, detail);
  }
}

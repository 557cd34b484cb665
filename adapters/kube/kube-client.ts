// The driver of ports/kube.ts: a Kubernetes client over any transport.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';
import type { Kube, KubeRef, Selector, Wanted, WriteOptions } from '#ports/kube.ts';
import { follow } from './follow.ts';
import type { KubeClientDeps } from './requests.ts';
import { listAll, pathOf, refusal, timeoutMs } from './requests.ts';
import type { KubeRequest } from './transport.ts';

/** Creates a client. `manager`: the field manager in whose name it applies and patches. */
export function createKubeClient(deps: KubeClientDeps, manager: string): Kube {
  const { transport } = deps;
  const fieldManager = `fieldManager=${encodeURIComponent(manager)}`;

  const ask = async <T>(request: Omit<KubeRequest, 'timeoutMs'>): Promise<Outcome<T>> => {
    const reply = await transport.send({ ...request, timeoutMs });
    if (isFault(reply)) return reply;
    return reply.status < 300 ? (reply.body as T) : refusal(reply.status, reply.body);
  };
  const write = async <T extends KubeObject>(
    method: 'POST' | 'PATCH',
    kind: KubeKind<T>,
    ref: Partial<KubeRef>,
    content: { type: string; body: object; options?: WriteOptions; query?: string },
  ): Promise<Outcome<T>> => {
    const subresource = content.options?.subresource;
    const path = pathOf(kind, ref) + (subresource ? `/${subresource}` : '');
    return await ask<T>({
      method,
      path: `${path}?${fieldManager}${content.query ?? ''}`,
      contentType: content.type,
      body: content.body,
    });
  };
  const whole = <T extends KubeObject>(
    { group, version, kind }: KubeKind<T>,
    wanted: Wanted<T>,
  ) => ({
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    ...wanted,
  });

  return {
    get: async (kind, ref) => await ask({ method: 'GET', path: pathOf(kind, ref) }),
    async list<T extends KubeObject>(kind: KubeKind<T>, selector: Selector = {}) {
      const pages = await listAll<T>(deps, kind, selector);
      return isFault(pages) ? pages : pages.items;
    },
    create: async (kind, wanted) =>
      await write('POST', kind, namespaceOf(wanted), {
        type: 'application/json',
        body: whole(kind, wanted),
      }),
    patch: async (kind, ref, patch, options) =>
      await write('PATCH', kind, ref, {
        type: 'application/merge-patch+json',
        body: patch,
        ...(options ? { options } : {}),
      }),
    apply: async (kind, wanted, options) =>
      await write(
        'PATCH',
        kind,
        { name: wanted.metadata.name ?? '', ...namespaceOf(wanted) },
        {
          type: 'application/apply-patch+yaml',
          body: whole(kind, wanted),
          query: '&force=true',
          ...(options ? { options } : {}),
        },
      ),
    async remove(kind, ref, { uid } = {}) {
      const outcome = await ask({
        method: 'DELETE',
        path: pathOf(kind, ref),
        body: uid === undefined ? {} : { preconditions: { uid } },
      });
      return isFault(outcome) && outcome.kind !== 'notFound' ? outcome : undefined;
    },
    follow: (kind, options) => follow(deps, kind, options),
  };
}

const namespaceOf = ({ metadata }: { metadata: { namespace?: string } }) =>
  metadata.namespace === undefined ? {} : { namespace: metadata.namespace };

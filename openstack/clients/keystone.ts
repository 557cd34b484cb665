// Client for Keystone's API, for other services: projects by id and by name.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { KeystoneProject } from '#contracts/keystone/wire.ts';
import type { Caller, ClientDeps } from './call.ts';
import { askService, documentOf } from './call.ts';

/**
 * Calls to Keystone. Faults of every call: unavailable, timeout; and Keystone's refusal as
 * badRequest, unauthorized, forbidden, notFound or unavailable, with its status in `detail`.
 */
export interface Keystone {
  project(id: string): Promise<Outcome<KeystoneProject>>;
  /** Projects of this name in the default domain. */
  projectsNamed(name: string): Promise<Outcome<KeystoneProject[]>>;
}

const defaultTimeoutMs = 30_000;

export function keystoneClient(
  deps: ClientDeps,
  caller: Caller,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): Keystone {
  const ask = askService(deps, caller, { service: 'identity', root: '/v3/', timeoutMs, refusal });

  return {
    project: async (id) =>
      await documentOf('project', ask('GET', `projects/${encodeURIComponent(id)}`)),
    async projectsNamed(name) {
      const query = new URLSearchParams({ name, domain_id: 'default' });
      return await documentOf('projects', ask('GET', `projects?${query.toString()}`));
    },
  };
}

const kinds = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
} as const;

function refusal(status: number, body: Json | undefined): Fault {
  const message = (body as { error?: { message?: string } } | undefined)?.error?.message;
  return fault(
    kinds[status as keyof typeof kinds] ?? 'unavailable',
    message ?? `Keystone answered ${status}.`,
    { status: String(status) },
  );
}

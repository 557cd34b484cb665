// A Kubernetes API server over a database of its own, for clouds without a Kubernetes cluster.
// Created by compose; `kubectl`, Helm and our operators use it like any other.
import type { Clock } from '#platform/clock.ts';
import type { HttpHandler, RawRequest } from '#platform/http/messages.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { User } from '../domain/rbac.ts';
import { openObjectStore } from '../store/object-store.ts';
import type { KubeDb } from '../store/tables.ts';
import { accountTokens } from './account-tokens.ts';
import { collectGarbage } from './controllers/collect-garbage.ts';
import { runController } from './controllers/controller.ts';
import { establishCrds } from './controllers/establish-crds.ts';
import { expireEvents } from './controllers/expire-events.ts';
import { keepNamespaces } from './controllers/keep-namespaces.ts';
import { bootstrapAccess, keepRoles } from './controllers/keep-roles.ts';
import type { KubeDeps } from './deps.ts';
import { createHandler } from './handler.ts';
import { createRegistry } from './registry.ts';

export interface ApiserverOptions {
  db: KubeDb;
  clock: Clock;
  ids: Ids;
  log: Log;
  authenticate(raw: RawRequest): Promise<User | undefined>;
  /** Certificate of the CA by which clients verify the server, PEM. */
  authority: string;
  /** Private key that signs service account tokens: P-256, PEM. */
  tokenKey: string;
  /** Version of this program, shown by `kubectl version`. */
  release: string;
}

export interface Apiserver {
  handler: HttpHandler;
  /** Stops the controllers; resolves when their current work has ended. */
  close(): Promise<void>;
}

/** The database's migrations must have run. */
export async function createApiserver(options: ApiserverOptions): Promise<Apiserver> {
  const { db, clock, ids, log, authenticate, authority, tokenKey, release } = options;
  const store = await openObjectStore(db);
  const tokens = accountTokens({ store, clock, ids, key: tokenKey });
  const deps: KubeDeps = { store, registry: createRegistry(store), tokens, clock, ids, log };
  await bootstrapAccess(deps);
  const controllers = [
    keepRoles(deps),
    establishCrds(deps),
    keepNamespaces(deps, { authority }),
    collectGarbage(deps),
    expireEvents(deps),
  ].map((controller) => runController(deps, controller));
  return {
    handler: createHandler(deps, { authenticate, release }),
    async close() {
      await Promise.all(controllers.map(async (each) => await each.stop()));
    },
  };
}

// A user's keypairs: imported, or made here until 2.91.
// https://docs.openstack.org/api-ref/compute/#keypairs-keypairs
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import { checkKeypairName, fingerprintOf } from '../domain/keypair.ts';
import type { KeypairType } from '../domain/keypair.ts';
import { deleteKeypair, findKeypair, insertKeypair, listKeypairs } from '../store/keypairs.ts';
import { quotaLimits } from '../store/quotas.ts';
import type { KeypairRow } from '../store/tables.ts';
import { generateCertificate } from './generate-certificate.ts';
import { generateSshKey } from './generate-keypair.ts';
import { pageOf } from './page.ts';
import { first, strictQueriesSince, unknownQuery } from './request.ts';

interface CreateBody {
  keypair: { name: string; public_key?: string; type?: KeypairType; user_id?: string };
}

const name = Type.String({ minLength: 1, maxLength: 255 });
const type = Type.Optional(Type.Union([Type.Literal('ssh'), Type.Literal('x509')]));
const publicKey = Type.String();
const userId = Type.Optional(Type.String());
const strict = { additionalProperties: false };
const createBody = [
  {
    from: 0,
    schema: Type.Object(
      { keypair: Type.Object({ name, public_key: Type.Optional(publicKey) }, strict) },
      strict,
    ),
  },
  {
    from: 2,
    schema: Type.Object(
      { keypair: Type.Object({ name, type, public_key: Type.Optional(publicKey) }, strict) },
      strict,
    ),
  },
  {
    from: 10,
    schema: Type.Object(
      {
        keypair: Type.Object(
          { name, type, public_key: Type.Optional(publicKey), user_id: userId },
          strict,
        ),
      },
      strict,
    ),
  },
  {
    from: 92,
    schema: Type.Object(
      { keypair: Type.Object({ name, type, public_key: publicKey, user_id: userId }, strict) },
      strict,
    ),
  },
];

const path = '/v2.1/os-keypairs';
const policy = (what: string): string => `os_compute_api:os-keypairs:${what}`;

export function keypairRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { config, clock, ids } = deps;
  const missing = (request: ApiRequest<unknown>) =>
    fault('notFound', `Keypair ${request.params['name']} not found for user.`);
  return [
    route({
      method: 'GET',
      path,
      policy: policy('index'),
      handler: async (request) => {
        const unknown =
          request.version < strictQueriesSince
            ? undefined
            : unknownQuery(request, ['user_id', 'limit', 'marker']);
        if (unknown) return unknown;
        const owner = ownerOf(request, 'index', first(request, 'user_id'));
        if (isFault(owner)) return owner;
        const all = await listKeypairs(db, owner);
        if (request.version < 35)
          return {
            status: 200,
            body: { keypairs: all.map((row) => ({ keypair: brief(row, request.version) })) },
          };
        const page = pageOf(request, all, (row) => row.name, config.maxListLimit);
        if (isFault(page)) return page;
        const body: JsonObject = {
          keypairs: page.items.map((row) => ({ keypair: brief(row, request.version) })),
        };
        if (page.links) body['keypairs_links'] = page.links;
        return { status: 200, body };
      },
    }),
    route<CreateBody>({
      method: 'POST',
      path,
      policy: policy('create'),
      body: createBody,
      faults: ['conflict', 'overQuota'],
      handler: async (request) => {
        const sent = request.body.keypair;
        const owner = ownerOf(request, 'create', sent.user_id);
        if (isFault(owner)) return owner;
        const badName = checkKeypairName(sent.name, request.version);
        if (badName) return badName;
        const kind = sent.type ?? 'ssh';
        const keyPair =
          sent.public_key !== undefined
            ? undefined
            : kind === 'x509'
              ? await generateCertificate(owner, clock.now(), ids)
              : await generateSshKey();
        const key = keyPair?.publicKey ?? sent.public_key ?? '';
        const fingerprint = fingerprintOf(kind, key);
        if (isFault(fingerprint)) return fingerprint;
        const row = {
          user_id: owner,
          name: sent.name,
          type: kind,
          public_key: key,
          fingerprint,
          created_at_ms: clock.now(),
        };
        const { key_pairs: limit } = await quotaLimits(db, request.auth.projectId ?? '', owner);
        const end = await insertKeypair(db, row, limit);
        if (end === 'taken') return fault('conflict', `Key pair '${sent.name}' already exists.`);
        if (end === 'full')
          return fault('overQuota', `Maximum number of key pairs exceeded: ${limit} are allowed.`);
        const keypair: JsonObject = { ...brief(row, request.version), user_id: owner };
        if (keyPair) keypair['private_key'] = keyPair.privateKey;
        return { status: request.version < 2 ? 200 : 201, body: { keypair } };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:name`,
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const owner = ownerOf(request, 'show', first(request, 'user_id'));
        if (isFault(owner)) return owner;
        const row = await findKeypair(db, owner, request.params['name'] ?? '');
        return row
          ? { status: 200, body: { keypair: whole(row, request.version) } }
          : missing(request);
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:name`,
      policy: policy('delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const owner = ownerOf(request, 'delete', first(request, 'user_id'));
        if (isFault(owner)) return owner;
        return (await deleteKeypair(db, owner, request.params['name'] ?? ''))
          ? { status: request.version < 2 ? 202 : 204 }
          : missing(request);
      },
    }),
  ];
}

/** The caller, or from 2.10 on, for those who may, the user they name. */
function ownerOf(
  request: ApiRequest<unknown>,
  action: string,
  named: string | undefined,
): Outcome<string> {
  if (named === undefined || request.version < 10) return request.auth.userId;
  return request.allows(policy(action), { user_id: named })
    ? named
    : fault('forbidden', `Policy doesn't allow ${policy(action)} to be performed.`);
}

type Shown = Omit<KeypairRow, 'id'>;

function brief(row: Shown, version: number): JsonObject {
  const view: JsonObject = {
    name: row.name,
    public_key: row.public_key,
    fingerprint: row.fingerprint,
  };
  if (version >= 2) view['type'] = row.type;
  return view;
}

const whole = (row: KeypairRow, version: number): JsonObject => ({
  ...brief(row, version),
  id: row.id,
  user_id: row.user_id,
  created_at: isoMicroseconds(row.created_at_ms).slice(0, -1),
  updated_at: null,
  deleted: false,
  deleted_at: null,
});

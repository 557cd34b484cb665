// /v3/credentials, and EC2 access keys: credentials of type ec2 whose id is the hash of their
// access key.
import { createHash } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteCredential,
  findCredential,
  findEc2Credential,
  insertCredential,
  listCredentials,
  updateCredential,
} from '../store/credentials.ts';
import { findProject } from '../store/projects.ts';
import type { CredentialRow } from '../store/tables.ts';
import { userExists } from '../store/users.ts';
import { idText, nameOf, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedToLent } from './lent-rights.ts';
import { denied, notFound } from './permit.ts';
import { queryValue, created, noContent, listed, shown, urlOf } from './replies.ts';

const projectId = Type.Optional(Type.Union([idText, Type.Null()]));
const createBody = wrapped('credential', {
  user_id: Type.Optional(idText),
  type: nameOf(255),
  blob: Type.String(),
  project_id: projectId,
});
const updateBody = wrapped('credential', {
  user_id: Type.Optional(idText),
  type: Type.Optional(nameOf(255)),
  blob: Type.Optional(Type.String()),
  project_id: projectId,
});
const ec2Body = Type.Object({ tenant_id: idText });

const ec2Base = '/v3/users/:user_id/credentials/OS-EC2';
const idOfAccess = (access: string): string => createHash('sha256').update(access).digest('hex');

export function credentialRoutes(k: Keystone): Route[] {
  const view = (
    request: ApiRequest<unknown>,
    { id, user_id: userId, project_id: project, type, blob }: CredentialRow,
  ): JsonObject => ({
    id,
    user_id: userId,
    project_id: project,
    type,
    blob,
    links: { self: urlOf(request, `credentials/${id}`) },
  });
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<CredentialRow>> {
    const id = request.params['credential_id'] ?? '';
    const row = await findCredential(k.db, id);
    return (
      denied(request, rule, { user_id: row?.user_id ?? null }) ??
      (await deniedToLent(k, request)) ??
      row ??
      notFound('credential', id)
    );
  }
  /** The access key in the blob of an ec2 credential. */
  function accessIn(blob: string): string | undefined {
    try {
      const { access } = JSON.parse(blob) as { access?: unknown };
      return typeof access === 'string' ? access : undefined;
    } catch {
      return undefined; // not JSON: the caller refuses it
    }
  }
  const badBlob = fault(
    'badRequest',
    'The blob of an ec2 credential is JSON with access and secret.',
  );

  return [
    route('GET', '/v3/credentials', {
      policy: 'identity:list_credentials',
      async handler(request) {
        const refusal = await deniedToLent(k, request);
        if (refusal) return refusal;
        const own = request.allows('admin_or_system_reader')
          ? queryValue(request, 'user_id')
          : request.auth.userId;
        const rows = await listCredentials(k.db, {
          user_id: own,
          type: queryValue(request, 'type'),
        });
        return listed(
          request,
          'credentials',
          rows.map((row) => view(request, row)),
          ['user_id', 'type'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/credentials', {
      policy: 'identity:create_credential',
      body: createBody,
      faults: ['conflict', 'notFound'],
      async handler(request) {
        const { credential } = request.body;
        const userId = credential.user_id ?? request.auth.userId;
        const refusal =
          denied(request, 'identity:create_credential', { user_id: userId }) ??
          (await deniedToLent(k, request));
        if (refusal) return refusal;
        if (!(await userExists(k.db, userId))) return notFound('user', userId);
        const access = credential.type === 'ec2' ? accessIn(credential.blob) : '';
        if (access === undefined || (credential.type === 'ec2' && !credential.project_id))
          return badBlob;
        const row: CredentialRow = {
          id: access ? idOfAccess(access) : k.ids.hex(),
          user_id: userId,
          project_id: credential.project_id ?? null,
          type: credential.type,
          blob: credential.blob,
        };
        if (!(await insertCredential(k.db, row)))
          return fault(
            'conflict',
            'Conflict occurred attempting to store credential - the access key is taken.',
          );
        return created('credential', view(request, row));
      },
    }),
    route('GET', '/v3/credentials/:credential_id', {
      policy: 'identity:get_credential',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_credential');
        return isFault(row) ? row : shown('credential', view(request, row));
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/credentials/:credential_id', {
      policy: 'identity:update_credential',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const { credential } = request.body;
        const row = await find(request, 'identity:update_credential');
        if (isFault(row)) return row;
        const changes = {
          user_id: credential.user_id ?? row.user_id,
          type: credential.type ?? row.type,
          blob: credential.blob ?? row.blob,
          project_id: credential.project_id === undefined ? row.project_id : credential.project_id,
        };
        const refusal = denied(request, 'identity:update_credential', { user_id: changes.user_id });
        if (refusal) return refusal;
        if (!(await userExists(k.db, changes.user_id))) return notFound('user', changes.user_id);
        if (changes.type === 'ec2' && accessIn(changes.blob) === undefined) return badBlob;
        await updateCredential(k.db, row.id, changes);
        return shown('credential', view(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', '/v3/credentials/:credential_id', {
      policy: 'identity:delete_credential',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_credential');
        if (isFault(row)) return row;
        await deleteCredential(k.db, row.id);
        return noContent;
      },
    }),
    ...ec2Routes(k),
  ];
}

function ec2Routes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: CredentialRow): JsonObject => {
    // validated when it was stored
    const { access, secret } = JSON.parse(row.blob) as { access: string; secret: string };
    return {
      access,
      secret,
      user_id: row.user_id,
      tenant_id: row.project_id,
      trust_id: null,
      links: { self: urlOf(request, `users/${row.user_id}/credentials/OS-EC2/${access}`) },
    };
  };
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<CredentialRow>> {
    const { user_id: userId = '', access = '' } = request.params;
    const refusal = denied(request, rule, { user_id: userId }) ?? (await deniedToLent(k, request));
    if (refusal) return refusal;
    return (
      (await findEc2Credential(k.db, idOfAccess(access), userId)) ?? notFound('credential', access)
    );
  }
  return [
    route('GET', ec2Base, {
      policy: 'identity:ec2_list_credentials',
      async handler(request) {
        const userId = request.params['user_id'] ?? '';
        const refusal =
          denied(request, 'identity:ec2_list_credentials', { user_id: userId }) ??
          (await deniedToLent(k, request));
        if (refusal) return refusal;
        const rows = await listCredentials(k.db, { user_id: userId, type: 'ec2' });
        return listed(
          request,
          'credentials',
          rows.map((row) => view(request, row)),
        );
      },
    }),
    route<Static<typeof ec2Body>>('POST', ec2Base, {
      policy: 'identity:ec2_create_credential',
      body: ec2Body,
      faults: ['notFound'],
      async handler(request) {
        const userId = request.params['user_id'] ?? '';
        const refusal =
          denied(request, 'identity:ec2_create_credential', { user_id: userId }) ??
          (await deniedToLent(k, request));
        if (refusal) return refusal;
        if (!(await findProject(k.db, request.body.tenant_id)))
          return notFound('project', request.body.tenant_id);
        if (!(await userExists(k.db, userId))) return notFound('user', userId);
        const [access, secret] = [k.ids.hex(), k.ids.hex()];
        const row: CredentialRow = {
          id: idOfAccess(access),
          user_id: userId,
          project_id: request.body.tenant_id,
          type: 'ec2',
          blob: JSON.stringify({ access, secret, trust_id: null }),
        };
        if (!(await insertCredential(k.db, row))) throw new Error('a random access key is taken');
        return created('credential', view(request, row));
      },
    }),
    route('GET', `${ec2Base}/:access`, {
      policy: 'identity:ec2_get_credential',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:ec2_get_credential');
        return isFault(row) ? row : shown('credential', view(request, row));
      },
    }),
    route('DELETE', `${ec2Base}/:access`, {
      policy: 'identity:ec2_delete_credential',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:ec2_delete_credential');
        if (isFault(row)) return row;
        await deleteCredential(k.db, row.id);
        return noContent;
      },
    }),
  ];
}

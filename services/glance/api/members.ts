// Members: the projects with which an image is shared. The owner adds and removes members; members
// themselves accept or reject. https://docs.openstack.org/api-ref/image/v2/#sharing
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { MemberStatus } from '../domain/image.ts';
import { memberStatuses } from '../domain/image.ts';
import type { Member } from '../store/members.ts';
import {
  deleteMember,
  findMember,
  insertMember,
  listMembers,
  setMemberStatus,
} from '../store/members.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage, requestedImage, targetOf } from './requested-image.ts';
import { memberView } from './views.ts';

const collection = '/v2/images/:id/members';
const path = `${collection}/:member`;
const noMember = (memberId: string) =>
  fault('notFound', `${memberId} is not a member of this image.`);

export function memberRoutes(parts: GlanceParts): readonly Route[] {
  const { db } = parts.database;
  const { clock } = parts;
  return [
    route<{ member: string }>('POST', collection, {
      policy: null,
      body: Type.Object({ member: Type.String({ minLength: 1, maxLength: 255 }) }),
      faults: ['notFound', 'conflict'],
      handler: async (request) => await addMember(parts, request),
    }),
    route('GET', collection, {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const members = await visibleMembers(parts, request);
        return isFault(members)
          ? members
          : {
              status: 200,
              body: { members: members.map(memberView), schema: '/v2/schemas/members' },
            };
      },
    }),
    route('GET', path, {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const members = await visibleMembers(parts, request);
        if (isFault(members)) return members;
        const wanted = request.params['member'] ?? '';
        const member = members.find(({ member_id }) => member_id === wanted);
        return member ? { status: 200, body: memberView(member) } : noMember(wanted);
      },
    }),
    route<{ status: MemberStatus }>('PUT', path, {
      policy: null,
      body: Type.Object({
        status: Type.Union(memberStatuses.map((status) => Type.Literal(status))),
      }),
      faults: ['notFound'],
      handler: async (request) => {
        const requested = await requestedImage(parts, request);
        if (isFault(requested)) return requested;
        const memberId = request.params['member'] ?? '';
        const member = await findMember(db, requested.image.id, memberId);
        if (!member) return noMember(memberId);
        if (!request.allows('modify_member', targetOf(requested.image, memberId)))
          return fault('forbidden', 'You are not authorized to complete modify_member action.');
        const nowMs = clock.now();
        await setMemberStatus(db, requested.image.id, memberId, request.body.status, nowMs);
        return {
          status: 200,
          body: memberView({ ...member, status: request.body.status, updated_at_ms: nowMs }),
        };
      },
    }),
    route('DELETE', path, {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const requested = await allowedImage(parts, request, 'delete_member');
        if (isFault(requested)) return requested;
        const memberId = request.params['member'] ?? '';
        return (await deleteMember(db, requested.image.id, memberId))
          ? { status: 204 }
          : noMember(memberId);
      },
    }),
  ];
}

async function addMember(
  parts: GlanceParts,
  request: ApiRequest<{ member: string }>,
): Promise<Outcome<Reply>> {
  const { db } = parts.database;
  const { clock, config } = parts;
  const requested = await allowedImage(parts, request, 'add_member');
  if (isFault(requested)) return requested;
  const { image } = requested;
  if (image.visibility !== 'shared') return fault('forbidden', 'Only shared images have members.');
  if ((await listMembers(db, image.id)).length >= config.maxMembers)
    return fault(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image members: ${config.maxMembers}.`,
    );
  const member = await insertMember(db, image.id, request.body.member, clock.now());
  return member
    ? { status: 200, body: memberView(member) }
    : fault('conflict', `Member ${request.body.member} is duplicated for image ${image.id}.`);
}

/** All members for the owner; for a member only itself. */
async function visibleMembers(parts: GlanceParts, request: ApiRequest): Promise<Outcome<Member[]>> {
  const requested = await requestedImage(parts, request);
  if (isFault(requested)) return requested;
  const { image, target } = requested;
  if (!request.allows('get_members', target))
    return fault('notFound', `Image ${image.id} has no members for you to see.`);
  const members = await listMembers(parts.database.db, image.id);
  const seesAll = image.owner === request.auth.projectId || request.allows('context_is_admin');
  return seesAll
    ? members
    : members.filter(({ member_id }) => member_id === request.auth.projectId);
}

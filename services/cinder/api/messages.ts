// User messages: why asynchronous operations failed, for the object's owner.
// https://docs.openstack.org/api-ref/block-storage/v3/#messages
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { eventId, eventIn } from '../domain/messages.ts';
import { deleteMessage, findMessage } from '../store/messages.ts';
import type { MessageRow } from '../store/tables.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { listReply } from './list-routes.ts';
import { linksOf, scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { timeText } from './times.ts';

const since = 3;
const rules: ListRules<'messages'> = {
  table: 'messages',
  text: {
    resource_type: 'resource_type',
    resource_uuid: 'resource_id',
    request_id: 'request_id',
    id: 'id',
  },
  special: {
    event_id: (value) => {
      const event = eventIn(value);
      return (
        event && {
          resource_type: event.resourceType,
          action_id: event.actionId,
          detail_id: event.detailId,
        }
      );
    },
    message_level: (value) => (value === 'ERROR' ? {} : undefined),
  },
  members: ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'],
  filtersSince: 5,
  sort: {
    id: 'id',
    created_at: 'created_at_ms',
    resource_type: 'resource_type',
    resource_uuid: 'resource_id',
    request_id: 'request_id',
    event_id: 'action_id',
    message_level: 'id',
    guaranteed_until: 'expires_at_ms',
  },
};

const view = (request: Request, row: MessageRow) => ({
  id: row.id,
  event_id: eventId(row.resource_type, row.action_id, row.detail_id),
  user_message: row.user_message,
  message_level: 'ERROR',
  request_id: row.request_id,
  resource_type: row.resource_type,
  resource_uuid: row.resource_id,
  created_at: timeText(row.created_at_ms),
  guaranteed_until: timeText(row.expires_at_ms),
  links: linksOf(request, 'messages', row.id),
});

export function messageRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const requested = async (request: Request): Promise<Outcome<MessageRow>> => {
    const id = request.params['id'] ?? '';
    return (
      (await findMessage(db, id, scopeOf(request))) ??
      fault('notFound', `Message ${id} could not be found.`)
    );
  };
  return [
    route('GET', '/messages', {
      since,
      policy: 'message:get_all',
      faults: ['notFound'],
      handler: async (request) =>
        await listReply(deps, request, rules, (_, rows) => rows.map((row) => view(request, row))),
    }),
    route('GET', '/messages/:id', {
      since,
      policy: 'message:get',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return isFault(row) ? row : { status: 200, body: { message: view(request, row) } };
      },
    }),
    route('DELETE', '/messages/:id', {
      since,
      policy: 'message:delete',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        await deleteMessage(db, row.id);
        return { status: 204 };
      },
    }),
  ];
}

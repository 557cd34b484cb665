// Leaves user messages about failed operations. Called by the sagas of cinder-volume and
// cinder-backup, and by cinder-api for attachments.
import type { Fault } from '#contracts/common/fault.ts';
import type { CinderDeps } from '../deps.ts';
import type { MessageAction } from '../domain/messages.ts';
import { detailOf, messageActions, textOf } from '../domain/messages.ts';
import { insertMessage } from './messages.ts';
import type { MessageRow } from './tables.ts';

/**
 * Leaves a message for the object's owner. `sagaId` becomes its id, so that a repetition adds none.
 */
export async function leaveMessage(
  { database, clock, config, log }: Pick<CinderDeps, 'database' | 'clock' | 'config' | 'log'>,
  action: MessageAction,
  subject: { type: MessageRow['resource_type']; id: string; projectId: string },
  reason: Fault,
  { sagaId, requestId }: { sagaId: string; requestId: string },
): Promise<void> {
  const now = clock.now();
  const detail = detailOf(action, reason);
  log.error(
    { action, subject: subject.id, req: requestId, why: reason.message },
    'an operation on a volume failed',
  );
  await insertMessage(database.db, {
    id: sagaId,
    project_id: subject.projectId,
    request_id: requestId,
    resource_type: subject.type,
    resource_id: subject.id,
    action_id: messageActions[action].id,
    detail_id: detail.id,
    user_message: textOf(action, detail, reason),
    created_at_ms: now,
    expires_at_ms: now + config.keepMessagesMs,
  });
}

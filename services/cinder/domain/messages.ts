// Texts of user messages: the action and the reason of its failure, with upstream's ids. Pure.
// https://docs.openstack.org/cinder/latest/contributor/user_messages.html (actions and details of
// cinder.message.message_field)
import type { Fault, FaultKind } from '#contracts/common/fault.ts';

export const messageActions = {
  scheduleVolume: { id: '001', text: 'schedule allocate volume' },
  attachVolume: { id: '002', text: 'attach volume' },
  uploadImage: { id: '003', text: 'copy volume to image' },
  downloadImage: { id: '005', text: 'copy image to volume' },
  extendVolume: { id: '007', text: 'extend volume' },
  createVolume: { id: '008', text: 'create volume from backend storage' },
  createSnapshot: { id: '009', text: 'create snapshot' },
  deleteSnapshot: { id: '010', text: 'delete snapshot' },
  createBackup: { id: '013', text: 'create backup' },
  deleteBackup: { id: '014', text: 'delete backup' },
  restoreBackup: { id: '015', text: 'restore backup' },
  deleteVolume: { id: '008', text: 'delete volume' },
} as const;
export type MessageAction = keyof typeof messageActions;

export interface MessageDetail {
  id: string;
  text: string;
}
const noAnswer: MessageDetail = { id: '002', text: 'The storage does not answer at present.' };
const unknownError: MessageDetail = { id: '001', text: 'An unknown error occurred.' };
const noBackend: MessageDetail = {
  id: '003',
  text: 'No storage could be allocated for this volume request. You may be able to try another size or volume type.',
};
const notUploaded: MessageDetail = {
  id: '004',
  text: 'Failed to upload volume to image at backend.',
};
const tooSmall: MessageDetail = {
  id: '007',
  text: 'Image used for creating volume exceeds available space.',
};
const backendFull: MessageDetail = { id: '006', text: 'There is not enough room on the storage.' };

export function detailOf(action: MessageAction, reason: Fault): MessageDetail {
  if (action === 'scheduleVolume') return noBackend;
  const byKind: Partial<Record<FaultKind, MessageDetail>> = {
    tooLarge: tooSmall,
    overQuota: backendFull,
    unavailable: noAnswer,
    timeout: noAnswer,
  };
  return byKind[reason.kind] ?? (action === 'uploadImage' ? notUploaded : unknownError);
}

/** The text that the owner reads. For an unknown error it is the fault's own message. */
export const textOf = (action: MessageAction, detail: MessageDetail, reason: Fault): string =>
  `${messageActions[action].text}:${detail === unknownError ? reason.message : detail.text}`;

/** The reason alone, without the action: for `fail_reason` of a backup. */
export function reasonFor(action: MessageAction, reason: Fault): string {
  const detail = detailOf(action, reason);
  return detail === unknownError ? reason.message : detail.text;
}

export const eventId = (resourceType: string, actionId: string, detailId: string): string =>
  `VOLUME_${resourceType}_${actionId}_${detailId}`;

/** The parts of an event id; undefined: the text is none. */
export function eventIn(
  text: string,
): { resourceType: string; actionId: string; detailId: string } | undefined {
  const [, resourceType, actionId, detailId] = /^VOLUME_(\w+)_(\d+)_(\d+)$/.exec(text) ?? [];
  return resourceType === undefined || actionId === undefined || detailId === undefined
    ? undefined
    : { resourceType, actionId, detailId };
}

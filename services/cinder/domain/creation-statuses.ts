// When a volume still belongs to the operation that creates it. Pure.
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';

/** Afterwards it is its owner's, and nothing of its creation may be undone. */
export const creationStatuses: readonly VolumeStatus[] = [
  'creating',
  'downloading',
  'restoring-backup',
];

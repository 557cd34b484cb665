// The statuses in which a volume still belongs to the saga that creates it. Pure.
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';

/** In any other status the volume is its owner's, and its creation must not be undone any more. */
export const creationStatuses: readonly VolumeStatus[] = [
  'creating',
  'downloading',
  'restoring-backup',
];

// What cinder-api asks of cinder-backup, topic `cinder-backup`.
export const cinderBackupTopic = 'cinder-backup';

export type CinderBackupRpc = {
  /** Sagas may have been journalled: look. Sent as a cast; a lost one costs a scan period. */
  wakeSagas: { params: Record<string, never>; result: null };
  /** Whether the backup store has data under the id, whole. Faults: those of the store. */
  hasData: { params: { dataId: string }; result: { found: boolean } };
};

// Calls of cinder-api to cinder-backup, topic `cinder-backup`.
export const cinderBackupTopic = 'cinder-backup';

export type CinderBackupRpc = {
  /**
   * Wakes the saga runner after an entry in the journal. Sent as a cast; if it is lost, the saga
   * starts one scan period later.
   */
  wakeSagas: { params: Record<string, never>; result: null };
  /** Whether the backup store has complete data under the id. Faults: those of the store. */
  hasData: { params: { dataId: string }; result: { found: boolean } };
};

// What the API says to the process that runs Cinder's sagas, topic `cinder-volume`.
export const cinderVolumeTopic = 'cinder-volume';

export type CinderVolumeRpc = {
  /** Sagas may have been journalled: look. Sent as a cast; a lost one costs a scan period. */
  wakeSagas: { params: Record<string, never>; result: null };
};

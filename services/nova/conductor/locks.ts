// Sagas of one server run one after the other.
export const serverLock = (serverId: string): string => `server:${serverId}`;

/**
 * Help with a snapshot does not wait for the server's sagas: Cinder holds the volume until it has
 * its answer, and they may wait for the volume.
 */
export const assistLock = (volumeId: string): string => `volume:${volumeId}`;

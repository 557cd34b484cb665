// Sagas of one server run one after the other.
export const serverLock = (serverId: string): string => `server:${serverId}`;

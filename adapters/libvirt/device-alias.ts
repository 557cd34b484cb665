// The name by which a device of ours is found again in a running domain. For its XML and its
// events.

export const deviceAlias = (id: string): string => `ua-${id}`;

// The alias by which a device that we attached is found again in a running domain. Used in XML and
// events.

export const deviceAlias = (id: string): string => `ua-${id}`;

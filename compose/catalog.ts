// The services of a cloud: their users, their paths below the cloud's one address, and the entries
// of Keystone's catalog.

/** Services with a Keystone user of their own, for their calls to other services. */
export const serviceUsers = ['nova', 'glance', 'placement', 'neutron', 'cinder', 'ha'] as const;

/** The path of each service, by its name in calls between services (`HttpCall.service`). */
export const mounts = {
  identity: '/identity',
  image: '/image',
  placement: '/placement',
  compute: '/compute',
  network: '/network',
  metadata: '/metadata',
  volume: '/volume',
  ha: '/ha',
} as const;

/**
 * The catalog's entries. `ha`: include the HA Service, under the type that masakari's clients look
 * for.
 */
export function catalogOf(
  origin: string,
  { ha }: { ha: boolean },
): { type: string; name: string; url: string }[] {
  return [
    { type: 'identity', name: 'keystone', url: `${origin}/identity/v3` },
    { type: 'image', name: 'glance', url: `${origin}/image` },
    { type: 'placement', name: 'placement', url: `${origin}/placement` },
    { type: 'compute', name: 'nova', url: `${origin}/compute/v2.1` },
    { type: 'network', name: 'neutron', url: `${origin}/network` },
    { type: 'volumev3', name: 'cinderv3', url: `${origin}/volume/v3` },
    { type: 'block-storage', name: 'cinder', url: `${origin}/volume/v3` },
    ...(ha ? [{ type: 'instance-ha', name: 'masakari', url: `${origin}/instance-ha/v1` }] : []),
  ];
}

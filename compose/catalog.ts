// The services of a cloud as its catalog lists them, and where they are mounted at its one address.

export const serviceUsers = ['nova', 'glance', 'placement', 'neutron', 'cinder'] as const;

/** Path by service, as the HTTP client names it. */
export const mounts = {
  identity: '/identity',
  image: '/image',
  placement: '/placement',
  compute: '/compute',
  network: '/network',
  metadata: '/metadata',
  volume: '/volume',
} as const;

export function catalogOf(origin: string): { type: string; name: string; url: string }[] {
  return [
    { type: 'identity', name: 'keystone', url: `${origin}/identity/v3` },
    { type: 'image', name: 'glance', url: `${origin}/image` },
    { type: 'placement', name: 'placement', url: `${origin}/placement` },
    { type: 'compute', name: 'nova', url: `${origin}/compute/v2.1` },
    { type: 'network', name: 'neutron', url: `${origin}/network` },
    { type: 'volumev3', name: 'cinderv3', url: `${origin}/volume/v3` },
    { type: 'block-storage', name: 'cinder', url: `${origin}/volume/v3` },
  ];
}

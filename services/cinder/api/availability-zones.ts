// The one availability zone of this cloud's storage.
// https://docs.openstack.org/api-ref/block-storage/v3/#availability-zones-os-availability-zone
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HandlerDeps } from './handler-deps.ts';

export function availabilityZoneRoutes({ config }: HandlerDeps): readonly Route[] {
  return [
    route('GET', '/os-availability-zone', {
      policy: 'volume:availability_zone_list',
      handler: () => ({
        status: 200,
        body: {
          availabilityZoneInfo: [{ zoneName: config.defaultZone, zoneState: { available: true } }],
        },
      }),
    }),
  ];
}

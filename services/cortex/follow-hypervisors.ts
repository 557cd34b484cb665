// Watches the `Hypervisor` resources of a Kubernetes API and passes each change to the picture of
// the fleet at once. Started by compose if there is such an API.
import { hypervisors } from '#contracts/kube/kinds.ts';
import type { Log } from '#platform/log.ts';
import type { Followed, Kube } from '#ports/kube.ts';
import type { FleetFollower } from './follow-openstack.ts';

export const followHypervisors = (
  kube: Pick<Kube, 'follow'>,
  picture: Pick<FleetFollower, 'noteHypervisor'>,
  log: Log,
): Pick<Followed<never>, 'ready' | 'stop'> =>
  kube.follow(hypervisors, {
    onChange: (object, isGone) =>
      picture.noteHypervisor(object.metadata.name ?? '', isGone ? undefined : object),
    onTrouble: ({ message }) => log.warn({ why: message }, 'hypervisors cannot be followed now'),
  });

// Prefers hosts on which a commitment of the server's own project has room.
import { defineWeigher } from '../pipeline/step.ts';
import { addByHosts } from './add-by-hosts.ts';

export const kvmCommittedResourceReservation = defineWeigher({
  name: 'kvm_committed_resource_reservation',
  parameters: { reservationHostWeight: 'float', defaultHostWeight: 'float' },
  create:
    ({ reservationHostWeight: inside = 1, defaultHostWeight: outside = 0.1 }) =>
    (weighing) => {
      const { fleet, request } = weighing.run;
      const group = request.resourceGroup || request.hwVersion;
      if (!group || request.intent === 'reserve_for_failover') return false;
      const memoryMib = request.resources.get('MEMORY_MB') ?? 0;
      const matching = [...fleet.reservationsOfProject(request.projectId)].filter(
        ({ ready, resourceGroup, zone, held }) =>
          ready &&
          resourceGroup === group &&
          (request.zone === null || zone === request.zone) &&
          (held['MEMORY_MB'] ?? 0) >= memoryMib,
      );
      if (matching.length > 0) addByHosts(weighing, matching, { inside, outside });
      return matching.length > 0;
    },
});

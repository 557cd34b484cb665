// For an evacuation, prefers hosts with a failover reservation for the server.
import { defineWeigher } from '../pipeline/step.ts';
import { addByHosts } from './add-by-hosts.ts';

export const kvmFailoverEvacuation = defineWeigher({
  name: 'kvm_failover_evacuation',
  parameters: { failoverHostWeight: 'float', defaultHostWeight: 'float' },
  create:
    ({ failoverHostWeight: inside = 1, defaultHostWeight: outside = 0.1 }) =>
    (weighing) => {
      const { fleet, request } = weighing.run;
      if (request.intent !== 'evacuate') return false;
      const own = [...fleet.reservationsOfServer(request.serverId)].filter(
        ({ type, ready }) => type === 'FailoverReservation' && ready,
      );
      addByHosts(weighing, own, { inside, outside });
      return true;
    },
});

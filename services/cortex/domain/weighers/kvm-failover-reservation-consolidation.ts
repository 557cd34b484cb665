// Places a new failover reservation on hosts that have others, so that whole hosts stay free; hosts
// with reservations of the same flavor group are less preferred.
import { fault } from '#contracts/common/fault.ts';
import { defineWeigher } from '../pipeline/step.ts';
import { addTanh } from './add-tanh.ts';

export const kvmFailoverReservationConsolidation = defineWeigher({
  name: 'kvm_failover_reservation_consolidation',
  parameters: { totalCountWeight: 'float', sameSpecPenalty: 'float' },
  create({ totalCountWeight = 1, sameSpecPenalty = 0.1 }) {
    if (totalCountWeight < 0 || sameSpecPenalty < 0)
      return fault('badRequest', 'totalCountWeight and sameSpecPenalty must not be negative.');
    if (totalCountWeight > 0 && sameSpecPenalty >= totalCountWeight)
      return fault('badRequest', 'sameSpecPenalty must be less than totalCountWeight.');
    return (weighing) => {
      const { run, hosts, count, scratch } = weighing;
      const { fleet, request } = run;
      if (request.intent !== 'reserve_for_failover') return false;
      const scores = new Map<number, number>();
      let total = 0;
      for (const reservation of fleet.reservations.values()) {
        if (reservation.type !== 'FailoverReservation' || !reservation.ready) continue;
        total += 1;
        const isSameGroup =
          request.resourceGroup !== '' && reservation.resourceGroup === request.resourceGroup;
        const score = totalCountWeight - (isSameGroup ? sameSpecPenalty : 0);
        for (const host of reservation.positions) scores.set(host, (scores.get(host) ?? 0) + score);
      }
      if (total === 0) return false;
      for (let place = 0; place < count; place += 1)
        scratch[place] = (scores.get(hosts[place] ?? 0) ?? 0) / total;
      addTanh(weighing);
      return true;
    };
  },
});

// Decides one request, for the HTTP call and for the RPC. Before it answers that no host fits, it
// re-reads the fleet (a host may have been added or freed since), and then decides once more
// without in-flight choices, whose claims may never come. Other processes are told what the
// decision holds.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import type { ReservationType } from '../domain/fleet/host-facts.ts';
import type { Choice } from '../domain/scheduling.ts';
import type { CortexParts } from './parts.ts';

// On this fault Nova uses its own order of hosts, which is better than an answer without hosts.
const notReady = fault('unavailable', 'The picture of the fleet is not complete yet.');

export async function chooseHosts(
  parts: CortexParts,
  request: NovaExternalRequest,
  requestId: string,
): Promise<Outcome<Choice>> {
  const { follower, announceChanges: tellOthers } = parts;
  if (!follower.isReady()) return notReady;
  // Waits for reads of hosts in progress: the sender knows of the claims that caused them.
  await follower.settled();
  const choice = await decide(parts, request);
  if (isFault(choice)) return choice;
  note(parts, request, choice);
  if (choice.changes) await tellOthers(choice.changes, requestId);
  return choice;
}

/** Passes the request's newest decision on to `noteDecision`. */
function note(
  { scheduling, noteDecision }: CortexParts,
  { spec, options }: NovaExternalRequest,
  { hosts }: Choice,
): void {
  if (options?.read_only || options?.skip_history) return;
  const [logged] = scheduling.decisions.of(spec['nova_object.data'].instance_uuid ?? '');
  if (logged) noteDecision(logged, hosts);
}

async function decide(
  { scheduling, follower, clock }: CortexParts,
  request: NovaExternalRequest,
): Promise<Outcome<Choice>> {
  let choice = scheduling.decideNova(request, clock.now());
  if (isFault(choice) || choice.hosts.length > 0) return choice;
  const outcome = await follower.refresh();
  if (!isFault(outcome)) choice = scheduling.decideNova(request, clock.now());
  if (isFault(choice) || choice.hosts.length > 0 || scheduling.inFlight.size === 0) return choice;
  return scheduling.decideNova(withoutInFlight(request), clock.now());
}

const withoutInFlight = (request: NovaExternalRequest): NovaExternalRequest => ({
  ...request,
  options: {
    ...request.options,
    ignored_reservation_types: [
      ...(request.options?.ignored_reservation_types ?? []),
      'InFlightReservation' satisfies ReservationType,
    ],
  },
});

// One request decided, for the HTTP call and for the message: that there is no host is said only
// after a fresh look at the fleet, since a host may have come, or have been given back, since the
// last one; and only if there is none with what is in flight left aside, since no claim of that may
// come. The other processes are told what the decision holds.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import type { ReservationType } from '../domain/fleet/host-facts.ts';
import type { Choice } from '../domain/scheduling.ts';
import type { CortexParts } from './parts.ts';

// Nova goes on with its own order then: better than an answer without hosts.
const notReady = fault('unavailable', 'The picture of the fleet is not complete yet.');

export async function chooseHosts(
  parts: CortexParts,
  request: NovaExternalRequest,
  requestId: string,
): Promise<Outcome<Choice>> {
  const { follower, tellOthers } = parts;
  if (!follower.isReady()) return notReady;
  // The claims before this request, which its sender knows of, are seen first.
  await follower.settled();
  const choice = await decide(parts, request);
  if (isFault(choice)) return choice;
  note(parts, request, choice);
  if (choice.changes) await tellOthers(choice.changes, requestId);
  return choice;
}

/** The last of what has been decided for the request. */
function note(
  { scheduling, noteDecision }: CortexParts,
  { spec, options }: NovaExternalRequest,
  { hosts }: Choice,
): void {
  if (options?.read_only || options?.skip_history) return;
  const [kept] = scheduling.decisions.of(spec['nova_object.data'].instance_uuid ?? '');
  if (kept) noteDecision(kept, hosts);
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

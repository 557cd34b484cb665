// GET /allocation_candidates (1.10): the providers that can satisfy a request, with their capacity
// and usage.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { findCandidates } from '../domain/candidates.ts';
import { parseCandidateRequest } from '../domain/resource-request.ts';
import { unknownNames } from '../store/names.ts';
import type { PlacementParts } from './parts.ts';
import { candidatesText } from './views.ts';

export function candidateRoutes({ database: { db }, world }: PlacementParts): readonly Route[] {
  return [
    route('GET', '/allocation_candidates', {
      since: 10,
      policy: 'placement:allocation_candidates:list',
      handler: async ({ query, version }) => {
        const request = parseCandidateRequest(query, version);
        if (isFault(request)) return request;
        const requestedClasses = new Set(
          request.groups.flatMap((group) => [...group.resources.keys()]),
        );
        const strangers = await unknownNames(db, 'resource_classes', requestedClasses);
        if (strangers.length > 0)
          return fault(
            'badRequest',
            `Invalid resource class in resources parameter: No such resource class ${strangers.join(', ')}.`,
          );
        const traits = [
          ...request.groups.flatMap((group) => [...group.required.flat(), ...group.forbidden]),
          ...request.rootRequired,
          ...request.rootForbidden,
        ];
        const unknown = await unknownNames(db, 'traits', traits);
        if (unknown.length > 0)
          return fault('badRequest', `No such trait(s): ${unknown.join(', ')}.`);
        const snapshot = await world.read();
        return {
          status: 200,
          body: candidatesText(
            findCandidates(snapshot.trees, request),
            snapshot,
            requestedClasses,
            version,
          ),
        };
      },
    }),
  ];
}

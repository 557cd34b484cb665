// Recent decisions on a server, explained in full, and the question "why not this host". For
// operators only, since the answers contain names of hosts.
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { LoggedDecision } from '../domain/decision-log.ts';
import { explainDecision, whyNot } from '../domain/explain/explain-decision.ts';
import { explanationView } from './decision-view.ts';
import type { CortexParts } from './parts.ts';

export function decisionRoutes({ scheduling }: CortexParts): Route[] {
  return [
    route('GET', '/decisions/:server_id', {
      policy: 'cortex:explain',
      faults: ['notFound'],
      handler({ params, query }) {
        const { server_id: id = '' } = params;
        const decisions = scheduling.decisions.of(id);
        if (decisions.length === 0)
          return fault('notFound', `No decision for ${id} is remembered.`);
        const [host] = query['host'] ?? [];
        return { status: 200, body: { decisions: decisions.map((one) => view(one, host)) } };
      },
    }),
  ];

  function view({ atMs, pipeline, decision, noHost }: LoggedDecision, host?: string): Json {
    return {
      decided_at: new Date(atMs).toISOString(),
      intent: decision.request.intent,
      ...(host !== undefined && { why_not: whyNot(scheduling.fleet, decision, host) }),
      ...explanationView(explainDecision(scheduling.fleet, pipeline, decision, noHost)),
    };
  }
}

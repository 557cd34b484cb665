// The plan of live migrations that would balance the fleet. For operators: `cobalt rebalance` reads
// it, and asks Nova for the migrations.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { RebalancePlan, RebalanceRequest } from '#contracts/cortex/rebalance.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { Balance } from '../domain/rebalance/balance.ts';
import { detectImbalance, detectRuleViolations } from '../domain/rebalance/detectors.ts';
import { gatherFleet } from '../domain/rebalance/gather-fleet.ts';
import type { MovableFleet } from '../domain/rebalance/movable-fleet.ts';
import { defaultGoal } from '../domain/rebalance/movable-fleet.ts';
import { planMigrations } from '../domain/rebalance/plan-migrations.ts';
import { generalPurpose } from '../domain/request/infer-pipeline.ts';
import type { CortexParts } from './parts.ts';

const defaultRestMinutes = 60;

const body = Type.Object(
  {
    tolerance: Type.Optional(Type.Number({ minimum: 0.01, maximum: 0.5 })),
    most_migrations: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    most_per_host: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    rest_minutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_080 })),
    without: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 10_000 })),
  },
  { additionalProperties: false },
);

export const rebalanceRoutes = (parts: CortexParts): Route[] => [
  route<RebalanceRequest>('POST', '/rebalance', {
    policy: 'cortex:rebalance',
    body,
    async handler({ body: request }) {
      const plan = await plannedBy(parts, request);
      return isFault(plan) ? plan : { status: 200, body: { ...plan } };
    },
  }),
];

async function plannedBy(
  { scheduling, follower, balance, clock }: CortexParts,
  request: RebalanceRequest,
): Promise<Outcome<RebalancePlan>> {
  if (!follower.isReady()) return fault('unavailable', 'The picture of the fleet is not complete.');
  const restMs = (request.rest_minutes ?? defaultRestMinutes) * 60_000;
  const refresh = await follower.refresh();
  if (isFault(refresh)) return refresh;
  const [servers, groups, migrated] = await Promise.all([
    balance.servers(),
    balance.serverGroups(),
    restMs > 0 ? balance.migratedSince(clock.now() - restMs) : [],
  ]);
  if (isFault(servers)) return servers;
  if (isFault(groups)) return groups;
  if (isFault(migrated)) return migrated;
  const pipeline = scheduling.pipeline(generalPurpose);
  if (!pipeline) return fault('notFound', `There is no pipeline ${generalPurpose}.`);
  const fleet = gatherFleet(scheduling.fleet, pipeline, servers, groups);
  return planFor(fleet, request, new Set([...migrated, ...(request.without ?? [])]));
}

function planFor(
  fleet: MovableFleet,
  request: RebalanceRequest,
  resting: ReadonlySet<string>,
): RebalancePlan {
  const goal = { ...defaultGoal, ...(request.tolerance && { tolerance: request.tolerance }) };
  const violations = detectRuleViolations(fleet);
  const leaving = new Map(
    violations.flatMap(({ servers, text }) => servers.map((id) => [id, text] as const)),
  );
  const state = new Balance(fleet, goal);
  const migrations = planMigrations(fleet, {
    ...goal,
    ...(request.most_migrations && { mostMigrations: request.most_migrations }),
    ...(request.most_per_host && { mostPerHost: request.most_per_host }),
    resting,
    leaving,
  });
  return {
    hosts: fleet.hosts.map(({ name, pool, isOpen }) => ({
      host: name,
      pool,
      open: isOpen,
      use: state.useOf(name),
      mean: state.meanAround(name),
    })),
    findings: [...violations, ...detectImbalance(fleet, goal)].map(({ detector, host, text }) => ({
      detector,
      host,
      text,
    })),
    migrations: migrations.map((one) => ({
      server: one.server,
      name: one.name,
      from: one.from,
      to: one.to,
      memory_mib: one.memoryMib,
      reason: one.reason,
      gain_mib: one.gain,
      use_of_source: [...one.useOfSource],
      use_of_target: [...one.useOfTarget],
    })),
  };
}

// POST /{thing}/{id}/action: the one key of the body names what to do. A table an action: rule,
// body, microversions.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { FaultKind, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { bodyChecker } from '#openstack/http/schema.ts';
import { strict } from './field-schemas.ts';
import { mayDo } from './request.ts';
import type { Request } from './request.ts';

export interface Action<Target> {
  policy: string;
  /** Of the value under the action's key; null: nothing is read. */
  body: TSchema | null;
  since?: number;
  until?: number;
  run(request: Request, target: Target, sent: never): Promise<Outcome<Reply>>;
}

/** Binds a body's type to its action: the schema proves it, so the cast lives here alone. */
export function action<Target, Sent = null>(
  definition: Omit<Action<Target>, 'run'> & {
    run(request: Request, target: Target, sent: Sent): Promise<Outcome<Reply>>;
  },
): Action<Target> {
  return definition as Action<Target>;
}

/** One of `statuses`, to the letter. */
export const statusSchema = (statuses: readonly string[]): TSchema =>
  Type.Union(statuses.map((status) => Type.Literal(status)));

/** `os-reset_status`: an operator sets the status, whatever the target does. */
export const resetStatusAction = <Target, Status extends string>(
  policy: string,
  statuses: readonly Status[],
  change: (target: Target, status: Status) => Promise<unknown>,
): Action<Target> =>
  action<Target, { status: Status }>({
    policy,
    body: Type.Object({ status: statusSchema(statuses) }, strict),
    run: async (_, target, { status }) => {
      await change(target, status);
      return { status: 202 };
    },
  });

const body = Type.Record(Type.String(), Type.Any(), { minProperties: 1, maxProperties: 1 });
const faults: readonly FaultKind[] = ['notFound', 'overQuota', 'conflict', 'notImplemented'];

/** `policy`: a rule that all of these actions need, checked before the body is read. */
export function actionRoute<Target>(
  path: string,
  requested: (request: Request) => Promise<Outcome<Target>>,
  table: Readonly<Record<string, Action<Target>>>,
  policy: string | null = null,
): Route {
  const checks = new Map(
    Object.entries(table).map(([name, { body: schema }]) => [
      name,
      schema && bodyChecker(Type.Object({ [name]: schema }, { additionalProperties: false })),
    ]),
  );
  return route<Record<string, Json>>({
    method: 'POST',
    path: `${path}/:id/action`,
    policy,
    body,
    faults,
    handler: async (request) => {
      const name = Object.keys(request.body)[0] ?? '';
      const chosen = Object.hasOwn(table, name) ? table[name] : undefined;
      if (
        !chosen ||
        request.version < (chosen.since ?? 0) ||
        request.version > (chosen.until ?? Infinity)
      )
        return fault('badRequest', `There is no such action: ${name}`);
      const denied = mayDo(request, chosen.policy);
      if (denied) return denied;
      const wrong = checks.get(name)?.(request.body, request.version);
      if (wrong) return wrong;
      const target = await requested(request);
      return isFault(target)
        ? target
        : // the schema above proved it
          await chosen.run(request, target, request.body[name] as never);
    },
  });
}

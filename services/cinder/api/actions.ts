// POST /{collection}/{id}/action: the single key of the body names the action. A table holds each
// action's policy, body schema and microversions.
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
  /** The schema of the value under the action's key; null: the value is not read. */
  body: TSchema | null;
  since?: number;
  until?: number;
  run(request: Request, target: Target, input: never): Promise<Outcome<Reply>>;
}

/** Binds the body's type to the action. The schema validates the body, so the cast is safe here. */
export function action<Target, Sent = null>(
  definition: Omit<Action<Target>, 'run'> & {
    run(request: Request, target: Target, input: Sent): Promise<Outcome<Reply>>;
  },
): Action<Target> {
  return definition as Action<Target>;
}

/** Exactly one of `statuses`. */
export const statusSchema = (statuses: readonly string[]): TSchema =>
  Type.Union(statuses.map((status) => Type.Literal(status)));

/** `os-reset_status`: an operator sets the status, whatever operation is running on the object. */
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

/**
 * The route `POST {path}/action` for the actions in `table`. `policy`: a rule checked for every
 * action of this route, before the body is read.
 */
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
  return route<Record<string, Json>>('POST', `${path}/:id/action`, {
    policy,
    body,
    faults,
    handler: async (request) => {
      const name = Object.keys(request.body)[0] ?? '';
      const requestedAction = Object.hasOwn(table, name) ? table[name] : undefined;
      if (
        !requestedAction ||
        request.version < (requestedAction.since ?? 0) ||
        request.version > (requestedAction.until ?? Infinity)
      )
        return fault('badRequest', `There is no such action: ${name}`);
      const denied = mayDo(request, requestedAction.policy);
      if (denied) return denied;
      const wrong = checks.get(name)?.(request.body, request.version);
      if (wrong) return wrong;
      const target = await requested(request);
      return isFault(target)
        ? target
        : // the schema above proved it
          await requestedAction.run(request, target, request.body[name] as never);
    },
  });
}

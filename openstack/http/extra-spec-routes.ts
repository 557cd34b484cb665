// Routes for extra specs, for all of them and for single keys. Used by Nova's flavors and Cinder's
// volume types.
import type { TSchema } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';
import type { ApiRequest, Route } from './route.ts';
import { route } from './route.ts';

type Specs = Record<string, string>;
type Request = ApiRequest<unknown>;

export interface ExtraSpecRoutes<Owner, Sent extends Record<string, unknown>> {
  /** The path of all specs; `:id` is the owner's id. */
  path: string;
  /** The owner's kind in texts, e.g. 'Flavor'. */
  ownerKind: string;
  policy(name: 'index' | 'create' | 'show' | 'update' | 'delete'): string;
  /** Schema of `{extra_specs}`. */
  createBody: TSchema;
  /** Schema of an object with a single spec. */
  itemBody: TSchema;
  deletedStatus: 200 | 202;
  /** The specs as stored, or the fault for which they are refused. */
  accept(request: Request, input: Sent): Outcome<Specs>;
  requested(request: Request): Promise<Outcome<Owner>>;
  specsOf(owner: Owner): Specs;
  /** `next` returns the new specs; undefined: unchanged. Returns whether they changed. */
  change(owner: Owner, next: (now: Specs) => Specs | undefined): Promise<boolean>;
}

export function extraSpecRoutes<Owner, Sent extends Record<string, unknown>>(
  of: ExtraSpecRoutes<Owner, Sent>,
): readonly Route[] {
  const { path } = of;
  const faults = ['notFound'] as const;
  const keyOf = (request: Request): string => request.params['key'] ?? '';
  const missing = (request: Request) =>
    fault(
      'notFound',
      `${of.ownerKind} ${request.params['id']} has no extra specs with key ${keyOf(request)}.`,
    );
  /** Adds the sent specs, and returns them as stored. */
  const add = async (request: Request, input: Sent): Promise<Outcome<Specs>> => {
    const accepted = of.accept(request, input);
    if (isFault(accepted)) return accepted;
    const owner = await of.requested(request);
    if (isFault(owner)) return owner;
    await of.change(owner, (now) => ({ ...now, ...accepted }));
    return accepted;
  };
  return [
    route('GET', path, {
      policy: of.policy('index'),
      faults,
      handler: async (request) => {
        const owner = await of.requested(request);
        return isFault(owner) ? owner : { status: 200, body: { extra_specs: of.specsOf(owner) } };
      },
    }),
    route<{ extra_specs: Sent }>('POST', path, {
      policy: of.policy('create'),
      body: of.createBody,
      faults,
      handler: async (request) => {
        const specs = await add(request, request.body.extra_specs);
        return isFault(specs) ? specs : { status: 200, body: { extra_specs: specs } };
      },
    }),
    route('GET', `${path}/:key`, {
      policy: of.policy('show'),
      faults,
      handler: async (request) => {
        const owner = await of.requested(request);
        if (isFault(owner)) return owner;
        const value = own(of.specsOf(owner), keyOf(request));
        return value === undefined
          ? missing(request)
          : { status: 200, body: { [keyOf(request)]: value } };
      },
    }),
    route<Sent>('PUT', `${path}/:key`, {
      policy: of.policy('update'),
      body: of.itemBody,
      faults,
      handler: async (request) => {
        if (!Object.hasOwn(request.body, keyOf(request)))
          return fault('badRequest', 'Request body and URI mismatch');
        if (Object.keys(request.body).length > 1)
          return fault('badRequest', 'Request body contains too many items');
        const specs = await add(request, request.body);
        return isFault(specs) ? specs : { status: 200, body: specs };
      },
    }),
    route('DELETE', `${path}/:key`, {
      policy: of.policy('delete'),
      faults,
      handler: async (request) => {
        const owner = await of.requested(request);
        if (isFault(owner)) return owner;
        const key = keyOf(request);
        const changed = await of.change(owner, (now) => {
          if (!Object.hasOwn(now, key)) return undefined;
          const { [key]: _removed, ...rest } = now;
          return rest;
        });
        return changed ? { status: of.deletedStatus } : missing(request);
      },
    }),
  ];
}

// /v3/domains/{id}/config: options of a domain's identity backend. They are stored and shown but
// have no effect, since all users are in Keystone's own database.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { own } from '#contracts/common/own.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import {
  domainOptions,
  removeDomainOptions,
  writeDomainOptions,
  type DomainOptions,
} from '../store/domain-config.ts';
import { findDomain } from '../store/projects.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { noContent } from './replies.ts';

/**
 * The supported options with their defaults. Identity API, "Domain configuration": groups identity
 * and ldap.
 */
const defaults: DomainOptions = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost',
    user: null,
    suffix: 'cn=example,cn=com',
    user_tree_dn: null,
    group_tree_dn: null,
    query_scope: 'one',
    page_size: 0,
  },
};
const body = Type.Object({ config: Type.Record(Type.String(), Type.Unknown()) });
type Body = Static<typeof body>;

export function domainConfigRoutes(k: Keystone): Route[] {
  async function read(domainId: string): Promise<Outcome<DomainOptions>> {
    if (!(await findDomain(k.db, domainId))) return notFound('domain', domainId);
    return await domainOptions(k.db, domainId);
  }

  /** The options that the path names: all, a group, or one option; undefined: there are none. */
  function part(options: DomainOptions, { group, option }: Where): JsonObject | undefined {
    if (group === undefined) return Object.keys(options).length > 0 ? options : undefined;
    const inGroup = own(options, group);
    if (option === undefined) return inGroup && { [group]: inGroup };
    return inGroup && Object.hasOwn(inGroup, option) ? { [option]: inGroup[option] } : undefined;
  }

  const at = (
    suffix: string,
    method: HttpMethod,
    policy: string,
    act: (
      request: ApiRequest<Body>,
      where: Where,
      present: DomainOptions,
    ) => Promise<Outcome<Reply>>,
  ): Route =>
    route<Body>(method, `/v3/domains/:domain_id/config${suffix}`, {
      policy,
      faults: ['notFound'],
      ...(method === 'PUT' || method === 'PATCH' ? { body } : {}),
      async handler(request) {
        const where = request.params as unknown as Where; // the path's parameters
        const present = await read(where.domain_id);
        return isFault(present) ? present : await act(request, where, present);
      },
    });

  const change =
    (replace: boolean) =>
    async (
      request: ApiRequest<Body>,
      where: Where,
      present: DomainOptions,
    ): Promise<Outcome<Reply>> => {
      const options = sentOptions(request.body.config, where);
      if (isFault(options)) return options;
      if (!replace && !part(present, where)) return unknown(where);
      await writeDomainOptions(k.db, where.domain_id, options, replace);
      const now = await read(where.domain_id);
      if (isFault(now)) return now;
      return {
        status: replace && Object.keys(present).length === 0 ? 201 : 200,
        body: { config: now },
      };
    };

  const show = async (
    _: ApiRequest<Body>,
    where: Where,
    present: DomainOptions,
  ): Promise<Outcome<Reply>> => {
    const options = part(present, where);
    return options ? { status: 200, body: { config: options } } : unknown(where);
  };

  const remove = async (
    _: ApiRequest<Body>,
    where: Where,
    present: DomainOptions,
  ): Promise<Outcome<Reply>> => {
    if (!part(present, where)) return unknown(where);
    await removeDomainOptions(k.db, where.domain_id, where);
    return noContent;
  };

  const defaultOf = (suffix: string): Route =>
    route('GET', `/v3/domains/config${suffix}/default`, {
      policy: 'identity:get_domain_config_default',
      faults: ['notFound'],
      handler: (request) => {
        const where = { domain_id: 'default', ...request.params };
        const options = part(defaults, where);
        return options ? { status: 200, body: { config: options } } : unknown(where);
      },
    });

  return [
    ...['', '/:group', '/:group/:option'].flatMap((suffix) => [
      defaultOf(suffix),
      at(suffix, 'GET', 'identity:get_domain_config', show),
      at(suffix, 'PATCH', 'identity:update_domain_config', change(false)),
      at(suffix, 'DELETE', 'identity:delete_domain_config', remove),
    ]),
    at('', 'PUT', 'identity:create_domain_config', change(true)),
  ];
}

interface Where {
  domain_id: string;
  group?: string;
  option?: string;
}

const unknown = (where: Where): Fault =>
  notFound(
    'domain configuration for',
    [where.group, where.option].filter(Boolean).join('.') || where.domain_id,
  );

/**
 * The options in the body, by group. Refuses unknown options and those outside of the path's part.
 */
function sentOptions(
  config: Readonly<Record<string, unknown>>,
  where: Where,
): Outcome<DomainOptions> {
  const wrapped = where.option === undefined ? config : { [where.group ?? '']: config };
  const options: DomainOptions = {};
  for (const [group, values] of Object.entries(wrapped)) {
    const supported = own(defaults, group);
    if (!supported || typeof values !== 'object' || values === null)
      return fault(
        'forbidden',
        `Group ${group} is not supported for domain specific configurations.`,
      );
    if (where.group !== undefined && group !== where.group)
      return fault('forbidden', `The body must be about group ${where.group}.`);
    for (const option of Object.keys(values)) {
      if (!Object.hasOwn(supported, option))
        return fault(
          'forbidden',
          `Option ${option} in group ${group} is not supported for domain specific configurations.`,
        );
      if (where.option !== undefined && option !== where.option)
        return fault('forbidden', `The body must be about option ${where.option}.`);
    }
    options[group] = values as Record<string, Json>; // from a JSON body
  }
  return options;
}

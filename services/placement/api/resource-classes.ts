// Resource classes and traits: the standard names, and those operators add with the prefix CUSTOM_.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction, upsert } from '#platform/db/transaction.ts';
import type { PlacementParts } from '../deps.ts';
import { badQuery, unknownParameter, type Parameters } from '../domain/query-values.ts';
import { standardResourceClasses, standardTraits } from '../domain/standard-names.gen.ts';
import type { PlacementDb } from '../store/world.ts';
import { moveGeneration, noteChange } from '../store/world.ts';
import { lastModified } from './answers-by-version.ts';
import {
  changeProvider,
  customPattern,
  generationSchema,
  isStandardClass,
  isStandardTrait,
  requestedProvider,
  unknownNames,
} from './parts.ts';

const customSchema = Type.String({ pattern: customPattern.source });

export function resourceClassRoutes({ database: { db }, clock }: PlacementParts): readonly Route[] {
  const view = (name: string) => ({
    name,
    links: [{ rel: 'self', href: `/resource_classes/${name}` }],
  });
  const exists = async (name: string): Promise<boolean> =>
    (await unknownNames(db, 'resource_classes', [name])).length === 0;
  const path = '/resource_classes';
  return [
    route({
      method: 'GET',
      path,
      since: 2,
      policy: 'placement:resource_classes:list',
      handler: async () => {
        const custom = await db
          .selectFrom('resource_classes')
          .select('name')
          .orderBy('name')
          .execute();
        return {
          status: 200,
          body: {
            resource_classes: [...standardResourceClasses, ...custom.map((row) => row.name)].map(
              view,
            ),
          },
        };
      },
    }),
    route<{ name: string }>({
      method: 'POST',
      path,
      since: 2,
      policy: 'placement:resource_classes:create',
      faults: ['conflict'],
      body: Type.Object({ name: customSchema }, { additionalProperties: false }),
      handler: async (request) => {
        const { name } = request.body;
        if (await exists(name))
          return fault('conflict', `Conflicting resource class already exists: ${name}`);
        await upsert(db, 'resource_classes', { name, created_at_ms: clock.now() }, ['name']);
        return {
          status: 201,
          headers: { location: `${request.baseUrl}/resource_classes/${name}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:name`,
      since: 2,
      policy: 'placement:resource_classes:show',
      faults: ['notFound'],
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        return (await exists(name))
          ? { status: 200, body: view(name) }
          : fault('notFound', `No such resource class ${name}.`);
      },
    }),
    // Until 1.6 a PUT gave another name to a class that is there; since 1.7 it makes sure that one
    // is there.
    route<{ name: string }>({
      method: 'PUT',
      path: `${path}/:name`,
      since: 2,
      until: 6,
      policy: 'placement:resource_classes:update',
      faults: ['notFound', 'conflict'],
      body: Type.Object({ name: customSchema }, { additionalProperties: false }),
      handler: async (request) => {
        const [from, to] = [request.params['name'] ?? '', request.body.name];
        if (!(await exists(from))) return fault('notFound', `No such resource class ${from}.`);
        if (isStandardClass(from))
          return fault('badRequest', `Cannot update standard resource class ${from}.`);
        if (await exists(to)) return fault('conflict', `Resource class already exists: ${to}`);
        await transaction(db, async (trx) => await renameClass(trx, from, to, clock.now()));
        return { status: 200, body: view(to) };
      },
    }),
    route({
      method: 'PUT',
      path: `${path}/:name`,
      since: 7,
      policy: 'placement:resource_classes:update',
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (!customPattern.test(name))
          return fault(
            'badRequest',
            `Invalid resource class name ${name}: it must begin with CUSTOM_ and hold A-Z, 0-9 and _ only.`,
          );
        const known = await exists(name);
        if (!known)
          await upsert(db, 'resource_classes', { name, created_at_ms: clock.now() }, ['name']);
        return {
          status: known ? 204 : 201,
          headers: { location: `${request.baseUrl}/resource_classes/${name}` },
        };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:name`,
      since: 2,
      policy: 'placement:resource_classes:delete',
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (isStandardClass(name))
          return fault('badRequest', `Cannot delete standard resource class ${name}.`);
        if (!(await exists(name))) return fault('notFound', `No such resource class ${name}.`);
        const used = await db
          .selectFrom('inventories')
          .select('provider_uuid')
          .where('resource_class', '=', name)
          .executeTakeFirst();
        if (used)
          return fault(
            'conflict',
            `Error in delete resource class: Class is in use in inventory: ${name}.`,
          );
        await db.deleteFrom('resource_classes').where('name', '=', name).execute();
        return { status: 204 };
      },
    }),
  ];
}

/**
 * The name is the key of a class, so that it changes wherever it is used; providers that use it are
 * another generation then.
 */
async function renameClass(
  trx: PlacementDb,
  from: string,
  to: string,
  nowMs: number,
): Promise<void> {
  const users = await trx
    .selectFrom('inventories')
    .select('provider_uuid')
    .where('resource_class', '=', from)
    .execute();
  for (const table of ['inventories', 'allocations'] as const)
    await trx
      .updateTable(table)
      .set({ resource_class: to })
      .where('resource_class', '=', from)
      .execute();
  await trx.updateTable('resource_classes').set({ name: to }).where('name', '=', from).execute();
  for (const { provider_uuid: uuid } of users) await moveGeneration(trx, uuid, undefined, nowMs);
  await noteChange(trx);
}

const traitParameters: Parameters = { name: 6, associated: 6 };

export function traitRoutes(parts: PlacementParts): readonly Route[] {
  const {
    database: { db },
    clock,
  } = parts;
  const exists = async (name: string): Promise<boolean> =>
    (await unknownNames(db, 'traits', [name])).length === 0;
  const since = 6;
  const ofProvider = '/resource_providers/:uuid/traits';
  return [
    route({
      method: 'GET',
      path: '/traits',
      since,
      policy: 'placement:traits:list',
      handler: async ({ query, version }) => {
        const stranger = unknownParameter(query, traitParameters, version);
        if (stranger) return stranger;
        const custom = (await db.selectFrom('traits').select('name').orderBy('name').execute()).map(
          (row) => row.name,
        );
        let traits = [...standardTraits, ...custom];
        const [name, associated] = [query['name']?.at(-1), query['associated']?.at(-1)];
        if (name?.startsWith('in:'))
          traits = traits.filter((trait) => name.slice(3).split(',').includes(trait));
        else if (name?.startsWith('startswith:'))
          traits = traits.filter((trait) => trait.startsWith(name.slice('startswith:'.length)));
        else if (name !== undefined)
          return fault(
            'badRequest',
            `Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "${name}"`,
          );
        if (associated !== undefined) {
          if (!/^(true|false)$/i.test(associated))
            return badQuery(
              `The query parameter "associated" only accepts "true" or "false", not ${associated}.`,
            );
          const used = new Set(
            (await db.selectFrom('provider_traits').select('trait').distinct().execute()).map(
              (row) => row.trait,
            ),
          );
          traits = traits.filter(
            (trait) => used.has(trait) === (associated.toLowerCase() === 'true'),
          );
        }
        return { status: 200, body: { traits } };
      },
    }),
    route({
      method: 'GET',
      path: '/traits/:name',
      since,
      policy: 'placement:traits:show',
      faults: ['notFound'],
      handler: async ({ params }) =>
        (await exists(params['name'] ?? ''))
          ? { status: 204, headers: lastModified(clock.now()) }
          : fault('notFound', `No such trait(s): ${params['name']}.`),
    }),
    route({
      method: 'PUT',
      path: '/traits/:name',
      since,
      policy: 'placement:traits:update',
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (!customPattern.test(name))
          return fault(
            'badRequest',
            `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_": ${name}`,
          );
        const known = await exists(name);
        if (!known) await upsert(db, 'traits', { name, created_at_ms: clock.now() }, ['name']);
        return {
          status: known ? 204 : 201,
          headers: { ...lastModified(clock.now()), location: `${request.baseUrl}/traits/${name}` },
        };
      },
    }),
    route({
      method: 'DELETE',
      path: '/traits/:name',
      since,
      policy: 'placement:traits:delete',
      faults: ['notFound', 'conflict'],
      handler: async ({ params }) => {
        const name = params['name'] ?? '';
        if (isStandardTrait(name))
          return fault('badRequest', `Cannot delete standard trait ${name}.`);
        if (!(await exists(name))) return fault('notFound', `No such trait(s): ${name}.`);
        const used = await db
          .selectFrom('provider_traits')
          .select('provider_uuid')
          .where('trait', '=', name)
          .executeTakeFirst();
        if (used) return fault('conflict', `The trait ${name} is in use by a resource provider.`);
        await db.deleteFrom('traits').where('name', '=', name).execute();
        return { status: 204 };
      },
    }),
    route({
      method: 'GET',
      path: ofProvider,
      since,
      policy: 'placement:resource_providers:traits:list',
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        return isFault(provider)
          ? provider
          : {
              status: 200,
              body: {
                traits: [...provider.traits].sort(),
                resource_provider_generation: provider.generation,
              },
            };
      },
    }),
    route<{ resource_provider_generation: number; traits: string[] }>({
      method: 'PUT',
      path: ofProvider,
      since,
      policy: 'placement:resource_providers:traits:update',
      faults: ['notFound', 'concurrentUpdate'],
      body: Type.Object(
        {
          resource_provider_generation: generationSchema,
          traits: Type.Array(
            Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' }),
            { uniqueItems: true },
          ),
        },
        { additionalProperties: false },
      ),
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const { traits, resource_provider_generation } = request.body;
        const missing = await unknownNames(db, 'traits', traits);
        if (missing.length > 0)
          return fault('badRequest', `No such trait(s): ${missing.join(', ')}.`);
        const changed = await changeProvider(
          parts,
          provider,
          resource_provider_generation,
          async (trx) => {
            await trx
              .deleteFrom('provider_traits')
              .where('provider_uuid', '=', provider.uuid)
              .execute();
            for (const trait of traits)
              await trx
                .insertInto('provider_traits')
                .values({ provider_uuid: provider.uuid, trait })
                .execute();
          },
        );
        return isFault(changed)
          ? changed
          : {
              status: 200,
              body: {
                traits: [...changed.traits].sort(),
                resource_provider_generation: changed.generation,
              },
            };
      },
    }),
    route({
      method: 'DELETE',
      path: ofProvider,
      since,
      policy: 'placement:resource_providers:traits:delete',
      faults: ['notFound', 'concurrentUpdate'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const changed = await changeProvider(parts, provider, provider.generation, async (trx) => {
          await trx
            .deleteFrom('provider_traits')
            .where('provider_uuid', '=', provider.uuid)
            .execute();
        });
        return isFault(changed) ? changed : { status: 204 };
      },
    }),
  ];
}

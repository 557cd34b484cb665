// Traits: the standard ones, and custom ones with the prefix CUSTOM_.
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { customPattern, isStandardTrait } from '../domain/names.ts';
import { badQuery, unknownParameter, type Parameters } from '../domain/query-values.ts';
import { standardTraits } from '../domain/standard-names.gen.ts';
import {
  addedNames,
  addName,
  deleteName,
  isTraitInUse,
  traitsInUse,
  unknownNames,
} from '../store/names.ts';
import { lastModified } from './answers-by-version.ts';
import type { PlacementParts } from './parts.ts';

const traitParameters: Parameters = { name: 6, associated: 6 };

export function traitRoutes({ database: { db }, clock }: PlacementParts): readonly Route[] {
  const exists = async (name: string): Promise<boolean> =>
    (await unknownNames(db, 'traits', [name])).length === 0;
  const since = 6;
  return [
    route('GET', '/traits', {
      since,
      policy: 'placement:traits:list',
      handler: async ({ query, version }) => {
        const stranger = unknownParameter(query, traitParameters, version);
        if (stranger) return stranger;
        let traits = [...standardTraits, ...(await addedNames(db, 'traits'))];
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
          const inUse = await traitsInUse(db);
          traits = traits.filter(
            (trait) => inUse.has(trait) === (associated.toLowerCase() === 'true'),
          );
        }
        return { status: 200, body: { traits } };
      },
    }),
    route('GET', '/traits/:name', {
      since,
      policy: 'placement:traits:show',
      faults: ['notFound'],
      handler: async ({ params }) =>
        (await exists(params['name'] ?? ''))
          ? { status: 204, headers: lastModified(clock.now()) }
          : fault('notFound', `No such trait(s): ${params['name']}.`),
    }),
    route('PUT', '/traits/:name', {
      since,
      policy: 'placement:traits:update',
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (!customPattern.test(name))
          return fault(
            'badRequest',
            `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_": ${name}`,
          );
        const isThere = await exists(name);
        if (!isThere) await addName(db, 'traits', name, clock.now());
        return {
          status: isThere ? 204 : 201,
          headers: { ...lastModified(clock.now()), location: `${request.baseUrl}/traits/${name}` },
        };
      },
    }),
    route('DELETE', '/traits/:name', {
      since,
      policy: 'placement:traits:delete',
      faults: ['notFound', 'conflict'],
      handler: async ({ params }) => {
        const name = params['name'] ?? '';
        if (isStandardTrait(name))
          return fault('badRequest', `Cannot delete standard trait ${name}.`);
        if (!(await exists(name))) return fault('notFound', `No such trait(s): ${name}.`);
        if (await isTraitInUse(db, name))
          return fault('conflict', `The trait ${name} is in use by a resource provider.`);
        await deleteName(db, 'traits', name);
        return { status: 204 };
      },
    }),
  ];
}

// Resource classes: the standard ones, and custom ones with the prefix CUSTOM_.
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { customPattern, isStandardClass } from '../domain/names.ts';
import { standardResourceClasses } from '../domain/standard-names.gen.ts';
import {
  addedNames,
  addName,
  deleteName,
  isClassInUse,
  renameClass,
  unknownNames,
} from '../store/names.ts';
import type { PlacementParts } from './parts.ts';
import { customNameSchema } from './schemas.ts';

export function resourceClassRoutes({ database: { db }, clock }: PlacementParts): readonly Route[] {
  const view = (name: string) => ({
    name,
    links: [{ rel: 'self', href: `/resource_classes/${name}` }],
  });
  const exists = async (name: string): Promise<boolean> =>
    (await unknownNames(db, 'resource_classes', [name])).length === 0;
  const path = '/resource_classes';
  return [
    route('GET', path, {
      since: 2,
      policy: 'placement:resource_classes:list',
      handler: async () => {
        const customNames = await addedNames(db, 'resource_classes');
        return {
          status: 200,
          body: {
            resource_classes: [...standardResourceClasses, ...customNames].map(view),
          },
        };
      },
    }),
    route<{ name: string }>('POST', path, {
      since: 2,
      policy: 'placement:resource_classes:create',
      faults: ['conflict'],
      body: Type.Object({ name: customNameSchema }, { additionalProperties: false }),
      handler: async (request) => {
        const { name } = request.body;
        if (await exists(name))
          return fault('conflict', `Conflicting resource class already exists: ${name}`);
        await addName(db, 'resource_classes', name, clock.now());
        return {
          status: 201,
          headers: { location: `${request.baseUrl}/resource_classes/${name}` },
        };
      },
    }),
    route('GET', `${path}/:name`, {
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
    // Until 1.6 PUT renames an existing class; since 1.7 it creates the class if it does not exist.
    route<{ name: string }>('PUT', `${path}/:name`, {
      since: 2,
      until: 6,
      policy: 'placement:resource_classes:update',
      faults: ['notFound', 'conflict'],
      body: Type.Object({ name: customNameSchema }, { additionalProperties: false }),
      handler: async (request) => {
        const [from, to] = [request.params['name'] ?? '', request.body.name];
        if (!(await exists(from))) return fault('notFound', `No such resource class ${from}.`);
        if (isStandardClass(from))
          return fault('badRequest', `Cannot update standard resource class ${from}.`);
        if (await exists(to)) return fault('conflict', `Resource class already exists: ${to}`);
        await renameClass(db, from, to, clock.now());
        return { status: 200, body: view(to) };
      },
    }),
    route('PUT', `${path}/:name`, {
      since: 7,
      policy: 'placement:resource_classes:update',
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (!customPattern.test(name))
          return fault(
            'badRequest',
            `Invalid resource class name ${name}: it must begin with CUSTOM_ and hold A-Z, 0-9 and _ only.`,
          );
        const isThere = await exists(name);
        if (!isThere) await addName(db, 'resource_classes', name, clock.now());
        return {
          status: isThere ? 204 : 201,
          headers: { location: `${request.baseUrl}/resource_classes/${name}` },
        };
      },
    }),
    route('DELETE', `${path}/:name`, {
      since: 2,
      policy: 'placement:resource_classes:delete',
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const name = request.params['name'] ?? '';
        if (isStandardClass(name))
          return fault('badRequest', `Cannot delete standard resource class ${name}.`);
        if (!(await exists(name))) return fault('notFound', `No such resource class ${name}.`);
        if (await isClassInUse(db, name))
          return fault(
            'conflict',
            `Error in delete resource class: Class is in use in inventory: ${name}.`,
          );
        await deleteName(db, 'resource_classes', name);
        return { status: 204 };
      },
    }),
  ];
}

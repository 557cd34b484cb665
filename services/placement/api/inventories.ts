// A provider's inventories: the amount of each resource class that it offers.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { concurrentUpdate } from '../domain/concurrent-update.ts';
import type { Provider } from '../domain/provider.ts';
import { byStandardOrder } from '../domain/standard-order.ts';
import { addInventory, classesInUse, replaceInventories } from '../store/inventories.ts';
import { unknownNames } from '../store/names.ts';
import { lastModified } from './answers-by-version.ts';
import type { PlacementParts } from './parts.ts';
import { changeProvider, requestedProvider, showOfProvider } from './requested-provider.ts';
import { generationSchema } from './schemas.ts';
import { inventoriesView, inventoryView } from './views.ts';

const maxInt = 2_147_483_647;
/** Upper bound: the largest single-precision float that MySQL documents. */
const maxFloat = 3.40282e38;
const fields = {
  total: Type.Integer({ minimum: 1, maximum: maxInt }),
  reserved: Type.Optional(Type.Integer({ minimum: 0, maximum: maxInt })),
  min_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxInt })),
  max_unit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxInt })),
  step_size: Type.Optional(Type.Integer({ minimum: 1, maximum: maxInt })),
  allocation_ratio: Type.Optional(Type.Number({ minimum: 0, maximum: maxFloat })),
};
type Given = Partial<Inventory> & { total: number; resource_provider_generation?: number };
interface One extends Given {
  resource_provider_generation: number;
}
/**
 * A POST adds an inventory that did not exist, so a generation is not required, and ignored if it
 * is sent. api-ref, "Create a new inventory".
 */
interface Named extends Given {
  resource_class: string;
  resource_provider_generation?: number;
}
interface All {
  resource_provider_generation: number;
  inventories: Record<string, Given>;
}
const classPattern = '^[A-Z0-9_]+$';
const one = Type.Object(
  { ...fields, resource_provider_generation: generationSchema },
  { additionalProperties: false },
);
const oneNamed = Type.Object(
  {
    ...fields,
    resource_provider_generation: Type.Optional(generationSchema),
    resource_class: Type.String({ pattern: classPattern }),
  },
  { additionalProperties: false },
);
export const inventoriesSchema = Type.Object(
  {
    resource_provider_generation: generationSchema,
    inventories: Type.Record(
      Type.String({ pattern: classPattern }),
      Type.Object(
        { ...fields, resource_provider_generation: Type.Optional(generationSchema) },
        { additionalProperties: false },
      ),
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

const path = '/resource_providers/:uuid/inventories';
const policy = (name: string): string => `placement:resource_providers:inventories:${name}`;
const readFaults = ['notFound'] as const;
const writeFaults = [...readFaults, 'conflict', 'concurrentUpdate'] as const;

export function inventoryRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;

  /** Replaces all inventories by `next`. conflict: a class that is removed is in use. */
  async function replace(
    provider: Provider,
    generation: number,
    next: ReadonlyMap<string, Inventory>,
  ): Promise<Outcome<Provider>> {
    const missing = await unknownNames(db, 'resource_classes', next.keys());
    if (missing.length > 0)
      return fault(
        'badRequest',
        `Unknown resource class in inventory for resource provider ${provider.uuid}: No such resource class ${missing.join(', ')}.`,
      );
    return await changeProvider(parts, provider, generation, async (trx) => {
      const removedClasses = [...provider.inventories.keys()].filter((name) => !next.has(name));
      const inUse = await classesInUse(trx, provider.uuid, removedClasses);
      if (inUse.length > 0)
        return fault(
          'conflict',
          `Inventory for '${inUse.sort(byStandardOrder).join(', ')}' on resource provider '${provider.uuid}' in use.`,
          { code: 'placement.inventory.inuse' },
        );
      await replaceInventories(trx, provider.uuid, next);
      return undefined;
    });
  }

  /**
   * Adds one inventory, whatever the provider's generation. conflict: the class has an inventory
   * already.
   */
  async function add(
    provider: Provider,
    resourceClass: string,
    inventory: Inventory,
  ): Promise<Outcome<Provider>> {
    const missing = await unknownNames(db, 'resource_classes', [resourceClass]);
    if (missing.length > 0)
      return fault(
        'badRequest',
        `Unknown resource class in inventory for resource provider ${provider.uuid}: No such resource class ${resourceClass}.`,
      );
    return await changeProvider(parts, provider, undefined, async (trx) =>
      (await addInventory(trx, provider.uuid, resourceClass, inventory))
        ? undefined
        : exists(resourceClass, provider),
    );
  }

  return [
    route('GET', path, {
      policy: policy('list'),
      faults: readFaults,
      handler: showOfProvider(parts, inventoriesView),
    }),
    route<All>('PUT', path, {
      policy: policy('update'),
      body: inventoriesSchema,
      faults: writeFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        if (request.body.resource_provider_generation !== provider.generation)
          return concurrentUpdate();
        const next = new Map<string, Inventory>();
        for (const [
          name,
          { resource_provider_generation: _ignored, ...inventoryFields },
        ] of Object.entries(request.body.inventories)) {
          const inventory = complete(provider, 'update', name, inventoryFields, request.version);
          if (isFault(inventory)) return inventory;
          next.set(name, inventory);
        }
        const changed = await replace(provider, request.body.resource_provider_generation, next);
        return isFault(changed) ? changed : { status: 200, body: inventoriesView(changed) };
      },
    }),
    route<Named>('POST', path, {
      policy: policy('create'),
      body: oneNamed,
      faults: writeFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const {
          resource_class,
          resource_provider_generation: _ignored,
          ...inventoryFields
        } = request.body;
        if (provider.inventories.has(resource_class)) return exists(resource_class, provider);
        const inventory = complete(
          provider,
          'create',
          resource_class,
          inventoryFields,
          request.version,
        );
        if (isFault(inventory)) return inventory;
        const changed = await add(provider, resource_class, inventory);
        return isFault(changed)
          ? changed
          : {
              status: 201,
              headers: {
                location: `${request.baseUrl}/resource_providers/${provider.uuid}/inventories/${resource_class}`,
              },
              body: {
                ...inventoryView(inventory),
                resource_provider_generation: changed.generation,
              },
            };
      },
    }),
    route('DELETE', path, {
      since: 5,
      policy: policy('delete'),
      faults: writeFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const changed = await replace(provider, provider.generation, new Map());
        return isFault(changed) ? changed : { status: 204 };
      },
    }),
    route('GET', `${path}/:class`, {
      policy: policy('show'),
      faults: readFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const inventory = provider.inventories.get(request.params['class'] ?? '');
        return inventory
          ? {
              status: 200,
              headers: lastModified(provider.updatedAtMs),
              body: {
                ...inventoryView(inventory),
                resource_provider_generation: provider.generation,
              },
            }
          : fault(
              'notFound',
              `No inventory of class ${request.params['class']} for ${provider.uuid}`,
            );
      },
    }),
    route<One>('PUT', `${path}/:class`, {
      policy: policy('update'),
      body: one,
      faults: writeFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const name = request.params['class'] ?? '';
        const { resource_provider_generation, ...inventoryFields } = request.body;
        if (resource_provider_generation !== provider.generation) return concurrentUpdate();
        if (!provider.inventories.has(name))
          return fault(
            'badRequest',
            `Unable to update inventory for resource provider ${provider.uuid}: No inventory record with resource class ${name} for resource provider ${provider.uuid}.`,
          );
        const inventory = complete(provider, 'update', name, inventoryFields, request.version);
        if (isFault(inventory)) return inventory;
        const changed = await replace(
          provider,
          resource_provider_generation,
          new Map([...provider.inventories, [name, inventory]]),
        );
        return isFault(changed)
          ? changed
          : {
              status: 200,
              body: {
                ...inventoryView(inventory),
                resource_provider_generation: changed.generation,
              },
            };
      },
    }),
    route('DELETE', `${path}/:class`, {
      policy: policy('delete'),
      faults: writeFaults,
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const name = request.params['class'] ?? '';
        if (!provider.inventories.has(name))
          return fault('notFound', `No inventory of class ${name} found for delete`);
        const changed = await replace(
          provider,
          provider.generation,
          new Map([...provider.inventories].filter(([other]) => other !== name)),
        );
        return isFault(changed) ? changed : { status: 204 };
      },
    }),
  ];
}

const exists = (name: string, { uuid }: Provider) =>
  fault('conflict', `Update conflict: Inventory for ${name} on ${uuid} already exists.`, {
    code: 'placement.concurrent_update',
  });

function complete(
  provider: Provider,
  verb: 'create' | 'update',
  name: string,
  inventoryFields: Given,
  version: number,
): Outcome<Inventory> {
  const inventory: Inventory = {
    total: inventoryFields.total,
    reserved: inventoryFields.reserved ?? 0,
    min_unit: inventoryFields.min_unit ?? 1,
    max_unit: inventoryFields.max_unit ?? maxInt,
    step_size: inventoryFields.step_size ?? 1,
    allocation_ratio: inventoryFields.allocation_ratio ?? 1,
  };
  const available = inventory.total - inventory.reserved;
  return available < 0 || (available === 0 && version < 26)
    ? fault(
        'badRequest',
        `Unable to ${verb} inventory for resource provider ${provider.uuid}: Invalid inventory for '${name}': The reserved value is greater than ${version < 26 ? 'or equal to ' : ''}total.`,
      )
    : inventory;
}

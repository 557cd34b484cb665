// Nova's deprecated image proxy API: passed on to Glance with the caller's token. Image routes
// exist up to microversion 2.35, metadata routes up to 2.38. Old clients and OpenStack's required
// interoperability tests of server images call them.
// https://docs.openstack.org/api-ref/compute/#images-deprecated
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import { isOwnField, propertiesOf } from '#contracts/glance/wire.ts';
import type { Glance } from '#openstack/clients/glance.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import { metadataRoutes } from '#openstack/http/metadata-routes.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { nextLinks } from './page.ts';
import { callerOf, first, limitOf } from './request.ts';
import { metadataBody, metadataItemBody } from './server-metadata.ts';
import { glanceStates, imageSummary, imageView } from './views/image.ts';

type Metadata = Record<string, string>;
type Request = ApiRequest<unknown>;

const path = '/v2.1/images';
const policy = (name: string): string => `os_compute_api:${name}`;
const until = 35;
const metadataUntil = 38;
const maxLimit = 1_000;

export function imageRoutes(deps: NovaDeps): readonly Route[] {
  const glance = (request: Request): Glance => glanceClient(deps, callerOf(request));
  const requested = async (request: Request): Promise<Outcome<GlanceImage>> => {
    const id = request.params['id'] ?? '';
    const image = await glance(request).image(id);
    return isFault(image) && image.kind === 'notFound'
      ? fault('notFound', `Image ${id} could not be found.`)
      : image;
  };

  /**
   * Replaces the image's properties by what `next` returns for the current ones; properties that
   * are not in the result are removed.
   */
  async function change(
    request: Request,
    next: (now: Metadata) => Outcome<Metadata>,
  ): Promise<Outcome<Metadata>> {
    const image = await requested(request);
    if (isFault(image)) return image;
    const now = propertiesOf(image);
    const wanted = next(now);
    if (isFault(wanted)) return wanted;
    const reserved = Object.keys(wanted).find(isOwnField);
    if (reserved !== undefined)
      return fault(
        'badRequest',
        `Invalid input for field/attribute metadata. ${reserved} is a field of the image itself.`,
      );
    const removedNames = Object.keys(now)
      .filter((name) => !Object.hasOwn(wanted, name))
      .map((name) => [name, null] as const);
    const changed = await glance(request).changeProperties(image.id, {
      ...wanted,
      ...Object.fromEntries(removedNames),
    });
    return isFault(changed) ? changed : propertiesOf(changed);
  }

  const faults = ['notFound', 'conflict', 'overQuota'] as const;
  return [
    route('GET', path, {
      policy: policy('images:list'),
      until,
      handler: async (request) => await list(deps, request, imageSummary),
    }),
    route('GET', `${path}/detail`, {
      policy: policy('images:detail'),
      until,
      handler: async (request) => await list(deps, request, imageView),
    }),
    route('GET', `${path}/:id`, {
      policy: policy('images:show'),
      until,
      faults,
      handler: async (request) => {
        const image = await requested(request);
        return isFault(image)
          ? image
          : { status: 200, body: { image: imageView(image, request.baseUrl) } };
      },
    }),
    route('DELETE', `${path}/:id`, {
      policy: policy('images:delete'),
      until,
      faults,
      handler: async (request) => {
        const image = await requested(request);
        if (isFault(image)) return image;
        return (await glance(request).deleteImage(image.id)) ?? { status: 204 };
      },
    }),
    ...metadataRoutes({
      path: `${path}/:id/metadata`,
      until: metadataUntil,
      policy: (name) => policy(`image-metadata:${name}`),
      body: metadataBody,
      itemBody: metadataItemBody,
      readFaults: faults,
      writeFaults: faults,
      deletedStatus: 204,
      missing: () => fault('notFound', 'Metadata item was not found'),
      async read(request) {
        const image = await requested(request);
        return isFault(image) ? image : propertiesOf(image);
      },
      change,
    }),
  ];
}

async function list(
  deps: NovaDeps,
  request: Request,
  view: (image: GlanceImage, baseUrl: string) => JsonObject,
): Promise<Outcome<Reply>> {
  const query = glanceQuery(request);
  if (isFault(query)) return query;
  const page = await glanceClient(deps, callerOf(request)).list(query);
  if (isFault(page)) return page;
  const last = page.images.at(-1);
  const links =
    last === undefined || page.isLast ? {} : { images_links: nextLinks(request, last.id) };
  return {
    status: 200,
    body: { images: page.images.map((image) => view(image, request.baseUrl)), ...links },
  };
}

/**
 * Translates a filter of the compute API to Glance's name and value. undefined: the value is not
 * valid.
 */
const filters: Readonly<
  Record<string, (value: string) => [name: string, value: string] | undefined>
> = {
  marker: (value) => ['marker', value],
  name: (value) => ['name', anyOf([value])],
  status: (value) => ['status', anyOf(glanceStates(value.toUpperCase()))],
  type: (value) => ['image_type', value],
  // The server may be given by its id or by a URL that ends in its id.
  server: (value) => ['instance_uuid', value.slice(value.lastIndexOf('/') + 1)],
  minRam: (value) => ['min_ram', value],
  minDisk: (value) => ['min_disk', value],
  'changes-since': (value) =>
    timeMsOf(value) === undefined ? undefined : ['updated_at', `gte:${value}`],
};
const anyOf = (values: readonly string[]): string =>
  `in:${values.map((value) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}`;
const propertyPrefix = 'property-';

function glanceQuery(request: Request): Outcome<URLSearchParams> {
  const limit = limitOf(request, maxLimit);
  if (isFault(limit)) return limit;
  const query = new URLSearchParams({ limit: String(limit) });
  for (const name of Object.keys(request.query)) {
    const value = first(request, name) ?? '';
    const property = name.startsWith(propertyPrefix) ? name.slice(propertyPrefix.length) : '';
    if (property !== '' && !isOwnField(property)) query.set(property, value);
    const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
    const glanceFilter = filter?.(value);
    if (filter && !glanceFilter)
      return fault('badRequest', `Invalid input for query parameters ${name}. Value: ${value}.`);
    if (glanceFilter) query.set(...glanceFilter);
  }
  return query;
}

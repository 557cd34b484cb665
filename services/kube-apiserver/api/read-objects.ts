// GET of objects and lists: paged if requested, as objects, table rows or metadata only.
import type { KubeObject } from '#contracts/kube/object.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Form } from '../domain/accept.ts';
import type { Resource } from '../domain/resource.ts';
import { apiVersionOf, storageKey } from '../domain/resource.ts';
import type { Matches } from '../domain/selectors.ts';
import { nameInSelector, parseSelectors } from '../domain/selectors.ts';
import type { Answer } from '../domain/status.ts';
import { Refusal, badRequest, isRefusal, notFound } from '../domain/status.ts';
import type { IncludeObject } from '../domain/table.ts';
import { toMetadata, toTable } from '../domain/table.ts';
import type { Stored } from '../store/object-store.ts';
import type { KubeDeps } from './deps.ts';
import type { Target } from './write-objects.ts';
import { placeOf, shownAs, subjectOf } from './write-objects.ts';

export interface View {
  form: Form;
  includeObject: IncludeObject;
}

export interface ListQuery {
  labelSelector: string;
  fieldSelector: string;
  limit: number;
  continue: string;
  resourceVersion: string;
  resourceVersionMatch: string;
}

export function getObject(deps: KubeDeps, target: Target, view: View): Answer<unknown> {
  const stored = deps.store.get(placeOf(target));
  return stored ? shown(deps, stored, target.resource, view) : notFound(subjectOf(target));
}

export function shown(deps: KubeDeps, stored: Stored, resource: Resource, view: View): unknown {
  if (view.form === 'object') return new JsonText(textAs(stored, resource));
  return viewOf(deps, shownAs(stored.object, resource), resource, view);
}

/**
 * An object as JSON in this version of the resource. Text that was written in this version is sent
 * unchanged.
 */
export const textAs = (stored: Stored, resource: Resource): string =>
  stored.apiVersion === apiVersionOf(resource)
    ? stored.text
    : JSON.stringify(shownAs(stored.object, resource));

export function viewOf(
  { clock }: Pick<KubeDeps, 'clock'>,
  object: KubeObject,
  resource: Resource,
  { form, includeObject }: View,
): unknown {
  switch (form) {
    case 'table':
      return toTable([object], resource, {
        includeObject,
        nowMs: clock.now(),
        metadata: { resourceVersion: object.metadata.resourceVersion },
        withColumns: true,
      });
    case 'metadata':
      return toMetadata(object);
    default:
      return object;
  }
}

interface Page {
  /** The revision at the first page, which all pages of the list report as resourceVersion. */
  revision: number;
  /** Namespace and name of the last object of the previous page. */
  after: string;
}

export function listObjects(
  deps: KubeDeps,
  { resource, namespace }: Omit<Target, 'name'>,
  query: ListQuery,
  view: View,
): Answer<unknown> {
  const matches = parseSelectors(resource, {
    labels: query.labelSelector,
    fields: query.fieldSelector,
  });
  if (isRefusal(matches)) return matches;
  const page = pageOf(query);
  if (isRefusal(page)) return page;
  const wanted = Number(query.resourceVersion || 0);
  if (wanted > deps.store.revision())
    return new Refusal(
      'Timeout',
      `Too large resource version: ${wanted}, current: ${deps.store.revision()}`,
      { causes: [{ reason: 'FieldValueInvalid', message: 'Too large resource version' }] },
    );
  const all = deps.store.list(storageKey(resource), namespace);
  const rest = page.after === '' ? all : all.slice(firstAfter(all, page.after));
  const matchingObjects =
    matches === undefined ? rest : rest.filter(onStored(matches, query.fieldSelector));
  const isCut = query.limit > 0 && matchingObjects.length > query.limit;
  const items = isCut ? matchingObjects.slice(0, query.limit) : matchingObjects;
  const revision = page.revision || deps.store.revision();
  const last = items.at(-1);
  const metadata = {
    resourceVersion: String(revision),
    ...(isCut && last
      ? {
          continue: encodePage({ revision, after: keyOf(last) }),
          // With a selector the number of remaining items is unknown; upstream omits it then, too.
          ...(matches === undefined
            ? { remainingItemCount: matchingObjects.length - items.length }
            : {}),
        }
      : {}),
  };
  return listView(deps, items, resource, metadata, view);
}

/**
 * Tests a stored object against the selectors. If the field selector names an object, the others
 * are rejected by name, without parsing their possibly long text.
 */
export function onStored(matches: Matches, fieldSelector: string): (stored: Stored) => boolean {
  const name = nameInSelector(fieldSelector);
  return (stored) => (name === '' || stored.name === name) && matches(stored.object);
}

function listView(
  { clock }: KubeDeps,
  items: readonly Stored[],
  resource: Resource,
  metadata: object,
  { form, includeObject }: View,
): unknown {
  const objects = (): KubeObject[] => items.map(({ object }) => shownAs(object, resource));
  switch (form) {
    case 'table':
      return toTable(objects(), resource, {
        includeObject,
        nowMs: clock.now(),
        metadata,
        withColumns: true,
      });
    case 'metadata':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: objects().map(toMetadata),
      };
    default: {
      const texts = items.map((item) => textAs(item, resource));
      const head = { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata };
      return new JsonText(`${JSON.stringify(head).slice(0, -1)},"items":[${texts.join(',')}]}`);
    }
  }
}

const keyOf = ({ namespace, name }: Stored): string => `${namespace} ${name}`;

/** Index of the first object after the key `after`; the list is sorted by this key. */
function firstAfter(all: readonly Stored[], after: string): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const stored = all[middle];
    if (stored && keyOf(stored) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

const encodePage = (page: Page): string => Buffer.from(JSON.stringify(page)).toString('base64url');

function pageOf({ continue: token, resourceVersion }: ListQuery): Answer<Page> {
  if (token === '') return { revision: 0, after: '' };
  if (resourceVersion !== '' && resourceVersion !== '0')
    return badRequest('specifying resource version is not allowed when using continue');
  try {
    const page = JSON.parse(Buffer.from(token, 'base64url').toString()) as Partial<Page>;
    if (typeof page.revision === 'number' && typeof page.after === 'string')
      return { revision: page.revision, after: page.after };
  } catch {
    // The token was not issued by this server.
  }
  return badRequest('continue key is not valid: it must be that of the page before');
}

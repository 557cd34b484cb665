// The JSON of a flavor: one table of fields, with the microversions that have each field.
// https://docs.openstack.org/api-ref/compute/#flavors
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FlavorRow } from '../../store/tables.ts';

export interface FlavorViewContext {
  version: number;
  baseUrl: string;
  /** Whether policy allows the caller to see extra specs. */
  showsExtraSpecs: boolean;
}

interface Field {
  name: string;
  since?: number;
  until?: number;
  value(flavor: FlavorRow, context: FlavorViewContext): Json | undefined;
}

const brief: readonly Field[] = [
  { name: 'id', value: (flavor) => flavor.flavor_id },
  { name: 'name', value: (flavor) => flavor.name },
  { name: 'description', since: 55, value: (flavor) => flavor.description },
  {
    name: 'links',
    value: (flavor, { baseUrl }) => [
      { rel: 'self', href: `${baseUrl}/v2.1/flavors/${encodeURIComponent(flavor.flavor_id)}` },
      { rel: 'bookmark', href: `${baseUrl}/flavors/${encodeURIComponent(flavor.flavor_id)}` },
    ],
  },
];

const whole: readonly Field[] = [
  ...brief,
  { name: 'ram', value: (flavor) => flavor.memory_mib },
  { name: 'disk', value: (flavor) => flavor.disk_gib },
  // A flavor without swap shows '' until 2.74, and 0 from 2.75 on.
  { name: 'swap', until: 74, value: (flavor) => flavor.swap_mib || '' },
  { name: 'swap', since: 75, value: (flavor) => flavor.swap_mib },
  { name: 'OS-FLV-EXT-DATA:ephemeral', value: (flavor) => flavor.ephemeral_gib },
  { name: 'OS-FLV-DISABLED:disabled', value: (flavor) => flavor.disabled === 1 },
  { name: 'vcpus', value: (flavor) => flavor.vcpus },
  { name: 'os-flavor-access:is_public', value: (flavor) => flavor.is_public === 1 },
  { name: 'rxtx_factor', value: (flavor) => flavor.rxtx_factor },
  {
    name: 'extra_specs',
    since: 61,
    value: (flavor, { showsExtraSpecs }) =>
      showsExtraSpecs ? (JSON.parse(flavor.extra_specs) as JsonObject) : undefined,
  },
];

export const flavorView = (flavor: FlavorRow, context: FlavorViewContext): JsonObject =>
  viewOf(whole, flavor, context);
export const flavorSummary = (flavor: FlavorRow, context: FlavorViewContext): JsonObject =>
  viewOf(brief, flavor, context);

function viewOf(
  fields: readonly Field[],
  flavor: FlavorRow,
  context: FlavorViewContext,
): JsonObject {
  const view: JsonObject = {};
  for (const field of fields) {
    if (context.version < (field.since ?? 0) || context.version > (field.until ?? Infinity))
      continue;
    const value = field.value(flavor, context);
    if (value !== undefined) view[field.name] = value;
  }
  return view;
}

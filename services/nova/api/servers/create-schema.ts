// The body of POST /servers: one row for each field, with the microversions that accept it.
// https://docs.openstack.org/api-ref/compute/#create-server and its microversion history.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { JsonObject } from '#contracts/common/json.ts';

/** 1 to 255 printable characters, no blank at either end. */
export const nameSchema = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^(?! )[^\\u0000-\\u001f\\u007f]*(?<! )$',
});
export const metadataSchema = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false },
);
export const tagSchema = Type.String({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' });
export const diskConfigSchema = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);
export const base64Schema = Type.String({
  maxLength: 65_535,
  pattern: '^[A-Za-z0-9+/\\r\\n]*(?:={1,2}[\\r\\n]*)?$',
});
export const adminPassSchema = Type.String();
export const accessV4Schema = Type.Union([Type.String({ format: 'ipv4' }), Type.Null()]);
export const accessV6Schema = Type.Union([Type.String({ format: 'ipv6' }), Type.Null()]);
export const descriptionSchema = Type.Union([
  Type.String({ maxLength: 255, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$' }),
  Type.Null(),
]);
export const hostnameSchema = Type.String({
  minLength: 2,
  maxLength: 63,
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]$',
});
export const fqdnSchema = Type.String({
  minLength: 2,
  maxLength: 255,
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9-.]*[a-zA-Z0-9]$',
});
const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: '^(true|false|1|0|t|f|yes|no|y|n|on|off)$' }),
  Type.String({ pattern: '^(True|False|TRUE|FALSE|Yes|No|YES|NO|On|Off|ON|OFF)$' }),
]);
const countSchema = Type.Union([
  Type.Integer({ minimum: 1 }),
  Type.String({ pattern: '^[1-9][0-9]*$' }),
]);
export const personalitySchema = Type.Array(
  Type.Object(
    { path: Type.String({ minLength: 1, maxLength: 255 }), contents: base64Schema },
    { additionalProperties: false },
  ),
  { maxItems: 1000 },
);

const network = Type.Object(
  {
    uuid: Type.Optional(Type.String({ format: 'uuid' })),
    port: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
    fixed_ip: Type.Optional(
      Type.Union([Type.String({ format: 'ipv4' }), Type.String({ format: 'ipv6' })]),
    ),
    tag: Type.Optional(tagSchema),
  },
  { additionalProperties: false },
);
const networks = Type.Array(network, { maxItems: 100 });

const blockDevice = Type.Object(
  {
    uuid: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
    source_type: Type.Optional(
      Type.Union([
        Type.Literal('image'),
        Type.Literal('volume'),
        Type.Literal('snapshot'),
        Type.Literal('blank'),
      ]),
    ),
    destination_type: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('volume')])),
    boot_index: Type.Optional(
      Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]+$' }), Type.Null()]),
    ),
    delete_on_termination: Type.Optional(booleanSchema),
    volume_size: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]*$' }), Type.Null()]),
    ),
    device_name: Type.Optional(
      Type.Union([
        Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9/._-]*$' }),
        Type.Null(),
      ]),
    ),
    device_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    disk_bus: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    guest_format: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    tag: Type.Optional(tagSchema),
    volume_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { additionalProperties: false },
);

interface Field {
  name: string;
  schema: TSchema;
  required?: true;
  since?: number;
  until?: number;
}

const fields: readonly Field[] = [
  { name: 'name', schema: nameSchema, required: true },
  { name: 'imageRef', schema: Type.Union([Type.String({ maxLength: 255 }), Type.Null()]) },
  {
    name: 'flavorRef',
    schema: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
    required: true,
  },
  { name: 'adminPass', schema: adminPassSchema },
  { name: 'metadata', schema: metadataSchema },
  { name: 'networks', schema: networks, until: 36 },
  {
    name: 'networks',
    schema: Type.Union([networks, Type.Literal('auto'), Type.Literal('none')]),
    since: 37,
    required: true,
  },
  { name: 'OS-DCF:diskConfig', schema: diskConfigSchema },
  { name: 'accessIPv4', schema: accessV4Schema },
  { name: 'accessIPv6', schema: accessV6Schema },
  { name: 'personality', schema: personalitySchema, until: 56 },
  {
    name: 'availability_zone',
    schema: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
  },
  { name: 'block_device_mapping', schema: Type.Array(Type.Any(), { maxItems: 20 }) },
  { name: 'block_device_mapping_v2', schema: Type.Array(blockDevice, { maxItems: 20 }) },
  { name: 'config_drive', schema: Type.Union([booleanSchema, Type.Null()]) },
  {
    name: 'key_name',
    schema: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
  },
  { name: 'min_count', schema: countSchema },
  { name: 'max_count', schema: countSchema },
  { name: 'return_reservation_id', schema: booleanSchema },
  {
    name: 'security_groups',
    schema: Type.Array(
      Type.Object(
        { name: Type.String({ minLength: 1, maxLength: 255 }) },
        { additionalProperties: false },
      ),
      { maxItems: 100 },
    ),
  },
  { name: 'user_data', schema: Type.Union([base64Schema, Type.Null()]) },
  { name: 'description', schema: descriptionSchema, since: 19 },
  { name: 'tags', schema: Type.Array(tagSchema, { maxItems: 50 }), since: 52 },
  {
    name: 'trusted_image_certificates',
    schema: Type.Union([
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50 }),
      Type.Null(),
    ]),
    since: 63,
  },
  { name: 'host', schema: Type.String({ minLength: 1, maxLength: 255 }), since: 74 },
  { name: 'hypervisor_hostname', schema: Type.String({ minLength: 1, maxLength: 255 }), since: 74 },
  { name: 'hostname', schema: hostnameSchema, since: 90, until: 93 },
  { name: 'hostname', schema: fqdnSchema, since: 94 },
];

const serverId = Type.String({ format: 'uuid' });
const ids = Type.Array(serverId);
/**
 * nova.api.openstack.compute.schemas.servers, _hints. `checkHints` checks what a schema cannot
 * express.
 */
const hints = Type.Object(
  {
    group: Type.Optional(serverId),
    same_host: Type.Optional(Type.Union([Type.String(), ids])),
    different_host: Type.Optional(Type.Union([serverId, ids])),
    query: Type.Optional(Type.String()),
    target_cell: Type.Optional(nameSchema),
    different_cell: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    build_near_host_ip: Type.Optional(
      Type.Union([Type.String({ format: 'ipv4' }), Type.String({ format: 'ipv6' })]),
    ),
    cidr: Type.Optional(Type.String({ pattern: '^/[0-9a-f.:]+$' })),
  },
  { additionalProperties: true },
);

function schemaAt(version: number): TSchema {
  const properties: Record<string, TSchema> = {};
  for (const { name, schema, required, since = 0, until = Infinity } of fields) {
    if (since <= version && version <= until)
      properties[name] = required ? schema : Type.Optional(schema);
  }
  return Type.Object(
    {
      server: Type.Object(properties, { additionalProperties: false }),
      'os:scheduler_hints': Type.Optional(hints),
      'OS-SCH-HNT:scheduler_hints': Type.Optional(hints),
    },
    { additionalProperties: false },
  );
}

const breakpoints = [
  ...new Set([
    0,
    ...fields.flatMap(({ since, until }) => [
      since ?? 0,
      ...(until === undefined ? [] : [until + 1]),
    ]),
  ]),
].sort((a, b) => a - b);
export const createServerBody = breakpoints.map((from) => ({ from, schema: schemaAt(from) }));

/** Both names are accepted, as upstream: the API's own, and that of the former extension. */
export const hintsOf = (body: CreateServerBody): JsonObject =>
  body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'] ?? {};

/** The union of the bodies that the schemas of all microversions accept. */
export interface CreateServerBody {
  'os:scheduler_hints'?: JsonObject;
  'OS-SCH-HNT:scheduler_hints'?: JsonObject;
  server: {
    name: string;
    imageRef?: string | null;
    flavorRef: string | number;
    adminPass?: string;
    metadata?: Record<string, string>;
    networks?:
      | { uuid?: string; port?: string | null; fixed_ip?: string; tag?: string }[]
      | 'auto'
      | 'none';
    'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
    accessIPv4?: string | null;
    accessIPv6?: string | null;
    personality?: { path: string; contents: string }[];
    availability_zone?: string | null;
    block_device_mapping?: unknown[];
    block_device_mapping_v2?: {
      uuid?: string | null;
      source_type?: 'image' | 'volume' | 'snapshot' | 'blank';
      destination_type?: 'local' | 'volume';
      boot_index?: number | string | null;
      volume_size?: number | string | null;
      delete_on_termination?: boolean | string;
      disk_bus?: string | null;
      guest_format?: string | null;
      tag?: string;
      volume_type?: string | null;
    }[];
    config_drive?: boolean | string | null;
    key_name?: string | null;
    min_count?: number | string;
    max_count?: number | string;
    return_reservation_id?: boolean | string;
    security_groups?: { name: string }[];
    user_data?: string | null;
    description?: string | null;
    tags?: string[];
    host?: string;
    hypervisor_hostname?: string;
    hostname?: string;
  };
}

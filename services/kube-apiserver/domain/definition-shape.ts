// The schema of a CustomResourceDefinition itself: a definition that passes it has the right types
// wherever it is read later. Pure.
// https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
import type { Schema } from './structural-schema/schema.ts';

const text: Schema = { type: 'string', nullable: true };
const flag: Schema = { type: 'boolean', nullable: true };
const number: Schema = { type: 'number', nullable: true };
const texts: Schema = { type: 'array', nullable: true, items: { type: 'string' } };
const whole: Schema = { type: 'integer', nullable: true };
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
});
const listOf = (items: Schema): Schema => ({ type: 'array', nullable: true, items });
const orNull = (schema: Schema): Schema => ({ ...schema, nullable: true });

/** The schema of schemas. It is recursive, so the keywords are assigned afterwards. */
const keywords: Record<string, Schema> = {};
const schema: Schema = { type: 'object', nullable: true, properties: keywords };
const eachSchema: Schema = { type: 'object', properties: keywords };
const schemas: Schema = { type: 'object', nullable: true, additionalProperties: eachSchema };
Object.assign(keywords, {
  type: {
    ...text,
    enum: ['object', 'array', 'string', 'integer', 'number', 'boolean'],
  },
  description: text,
  format: text,
  nullable: flag,
  enum: { type: 'array', nullable: true },
  pattern: text,
  ...Object.fromEntries(
    ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'].map(
      (name): [string, Schema] => [name, whole],
    ),
  ),
  minimum: number,
  maximum: number,
  multipleOf: number,
  exclusiveMinimum: flag,
  exclusiveMaximum: flag,
  required: texts,
  properties: schemas,
  items: schema,
  allOf: listOf(eachSchema),
  anyOf: listOf(eachSchema),
  oneOf: listOf(eachSchema),
  not: schema,
  'x-kubernetes-preserve-unknown-fields': flag,
  'x-kubernetes-int-or-string': flag,
  'x-kubernetes-embedded-resource': flag,
  'x-kubernetes-list-type': { ...text, enum: ['atomic', 'set', 'map'] },
  'x-kubernetes-list-map-keys': texts,
  'x-kubernetes-map-type': { ...text, enum: ['atomic', 'granular'] },
  'x-kubernetes-validations': listOf(
    object(
      {
        rule: { type: 'string' },
        message: text,
        messageExpression: text,
        reason: text,
        fieldPath: text,
        optionalOldSelf: flag,
      },
      ['rule'],
    ),
  ),
} satisfies Record<string, Schema>);

const version = object(
  {
    name: { type: 'string' },
    served: { type: 'boolean' },
    storage: { type: 'boolean' },
    deprecated: flag,
    deprecationWarning: text,
    schema: orNull(object({ openAPIV3Schema: schema })),
    subresources: orNull(
      object({
        status: { type: 'object', nullable: true },
        scale: orNull(
          object(
            {
              specReplicasPath: { type: 'string' },
              statusReplicasPath: { type: 'string' },
              labelSelectorPath: text,
            },
            ['specReplicasPath', 'statusReplicasPath'],
          ),
        ),
      }),
    ),
    additionalPrinterColumns: listOf(
      object(
        {
          name: { type: 'string' },
          type: { type: 'string', enum: ['integer', 'number', 'string', 'boolean', 'date'] },
          format: text,
          description: text,
          priority: whole,
          jsonPath: { type: 'string' },
        },
        ['name', 'type', 'jsonPath'],
      ),
    ),
    selectableFields: listOf(object({ jsonPath: { type: 'string' } }, ['jsonPath'])),
  },
  ['name', 'served', 'storage'],
);

export const definitionShape: Schema = object(
  {
    spec: object(
      {
        group: { type: 'string' },
        scope: { type: 'string', enum: ['Cluster', 'Namespaced'] },
        names: object(
          {
            plural: { type: 'string' },
            singular: text,
            kind: { type: 'string' },
            listKind: text,
            shortNames: texts,
            categories: texts,
          },
          ['plural', 'kind'],
        ),
        versions: { type: 'array', minItems: 1, items: version },
        preserveUnknownFields: flag,
      },
      ['group', 'scope', 'names', 'versions'],
    ),
    status: orNull(
      object({
        conditions: listOf(object({ type: { type: 'string' }, status: { type: 'string' } })),
        storedVersions: texts,
        acceptedNames: { type: 'object', nullable: true },
      }),
    ),
  },
  ['spec'],
);

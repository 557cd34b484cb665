// Validation of roles and bindings. Access decisions read them later, so their shape must be right.
// Pure. https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
import type { KubeObject } from '#contracts/kube/object.ts';
import { isSameJson } from './same-json.ts';
import type { Cause } from './status.ts';
import type { Schema } from './structural-schema/schema.ts';
import { validate } from './structural-schema/validate.ts';

const text: Schema = { type: 'string', nullable: true };
const texts: Schema = { type: 'array', nullable: true, items: { type: 'string' } };
const rules: Schema = {
  type: 'array',
  nullable: true,
  items: {
    type: 'object',
    required: ['verbs'],
    properties: {
      verbs: { type: 'array', minItems: 1, items: { type: 'string' } },
      apiGroups: texts,
      resources: texts,
      resourceNames: texts,
      nonResourceURLs: texts,
    },
  },
};
const labelSelector: Schema = {
  type: 'object',
  properties: { matchLabels: { type: 'object', additionalProperties: { type: 'string' } } },
};
const role: Schema = {
  type: 'object',
  properties: {
    rules,
    aggregationRule: {
      type: 'object',
      nullable: true,
      properties: { clusterRoleSelectors: { type: 'array', nullable: true, items: labelSelector } },
    },
  },
};
const binding: Schema = {
  type: 'object',
  required: ['roleRef'],
  properties: {
    subjects: {
      type: 'array',
      nullable: true,
      items: {
        type: 'object',
        required: ['kind', 'name'],
        properties: {
          kind: { type: 'string', enum: ['User', 'Group', 'ServiceAccount'] },
          name: { type: 'string', minLength: 1 },
          namespace: text,
          apiGroup: text,
        },
      },
    },
    roleRef: {
      type: 'object',
      required: ['kind', 'name'],
      properties: {
        apiGroup: text,
        kind: { type: 'string', enum: ['Role', 'ClusterRole'] },
        name: { type: 'string', minLength: 1 },
      },
    },
  },
};

export const roleCauses = (object: KubeObject): Cause[] => [
  ...validate(object, role),
  ...ruleCauses(object),
];

/** A rule must be about either resources or non-resource URLs. */
function ruleCauses(object: KubeObject): Cause[] {
  const all = object['rules'];
  if (!Array.isArray(all)) return [];
  return all.flatMap((rule: Record<string, unknown> | null, index): Cause[] => {
    const isSet = (name: string): boolean => ((rule?.[name] ?? []) as unknown[]).length > 0;
    const field = `rules[${index}]`;
    if (isSet('nonResourceURLs'))
      return object.kind === 'Role'
        ? [
            invalid(
              `${field}.nonResourceURLs`,
              'namespaced rules cannot apply to non-resource URLs',
            ),
          ]
        : isSet('apiGroups') || isSet('resources') || isSet('resourceNames')
          ? [
              invalid(
                `${field}.nonResourceURLs`,
                'rules cannot apply to both regular resources and non-resource URLs',
              ),
            ]
          : [];
    return (['apiGroups', 'resources'] as const)
      .filter((name) => !isSet(name))
      .map((name) => ({
        reason: 'FieldValueRequired',
        field: `${field}.${name}`,
        message: `Required value: resource rules must supply at least one ${name === 'apiGroups' ? 'api group' : 'resource'}`,
      }));
  });
}

export function bindingCauses(object: KubeObject, old: KubeObject | undefined): Cause[] {
  const causes = validate(object, binding);
  if (causes.length > 0) return causes;
  const { kind } = object['roleRef'] as { kind: string };
  if (object.kind === 'ClusterRoleBinding' && kind !== 'ClusterRole')
    return [
      {
        reason: 'FieldValueNotSupported',
        field: 'roleRef.kind',
        message: `Unsupported value: ${JSON.stringify(kind)}: supported values: "ClusterRole"`,
      },
    ];
  return old && !isSameJson(old['roleRef'], object['roleRef'])
    ? [
        {
          reason: 'FieldValueInvalid',
          field: 'roleRef',
          message: `Invalid value: ${JSON.stringify(object['roleRef'])}: cannot change roleRef`,
        },
      ]
    : [];
}

const invalid = (field: string, words: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${words}`,
});

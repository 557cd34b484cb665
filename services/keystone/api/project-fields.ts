// What projects and domains share, as a domain is a project: the schema of their attributes, and
// the columns that hold them.
import { Type, type Static } from 'typebox';
import type { ProjectRow } from '../store/tables.ts';
import { enabled, extraOf, tags, text } from './bodies.ts';
import { mergedOptions, resourceOptions } from './options.ts';

export const projectAttributes = {
  description: Type.Optional(text),
  enabled: Type.Optional(enabled),
  options: Type.Optional(resourceOptions),
  tags: Type.Optional(tags),
};
const attributesSchema = Type.Object(projectAttributes);
type Sent = Static<typeof attributesSchema> & { name?: string };

/** Attributes with a column or table of their own; all others are stored in `extra`. */
const columns = [
  'id',
  'name',
  'domain_id',
  'parent_id',
  'is_domain',
  'description',
  'enabled',
  'options',
  'tags',
];

type Fields = Pick<ProjectRow, 'name' | 'description' | 'enabled' | 'options' | 'extra'>;

/** The columns of a new row. `further`: attributes that are not stored. */
export const newFields = (
  input: Sent & { name: string },
  further: readonly string[] = [],
): Fields => ({
  name: input.name.trim(),
  enabled: Number(input.enabled ?? true),
  description: input.description ?? '',
  options: mergedOptions(input.options ?? {}),
  extra: extraOf(input, [...columns, ...further]),
});

/** The columns of an update; attributes that `input` does not name keep their value. */
export const changedFields = (
  row: ProjectRow,
  input: Sent,
  further: readonly string[] = [],
): Partial<Fields> => ({
  ...(input.name !== undefined && { name: input.name.trim() }),
  ...(input.description !== undefined && { description: input.description ?? '' }),
  ...(input.enabled !== undefined && { enabled: Number(input.enabled) }),
  ...(input.options !== undefined && { options: mergedOptions(input.options, row.options) }),
  extra: extraOf(input, [...columns, ...further], row.extra),
});

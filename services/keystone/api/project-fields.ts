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
  sent: Sent & { name: string },
  further: readonly string[] = [],
): Fields => ({
  name: sent.name.trim(),
  enabled: Number(sent.enabled ?? true),
  description: sent.description ?? '',
  options: mergedOptions(sent.options ?? {}),
  extra: extraOf(sent, [...columns, ...further]),
});

/** The columns of an update; attributes that `sent` does not name keep their value. */
export const changedFields = (
  row: ProjectRow,
  sent: Sent,
  further: readonly string[] = [],
): Partial<Fields> => ({
  ...(sent.name !== undefined && { name: sent.name.trim() }),
  ...(sent.description !== undefined && { description: sent.description ?? '' }),
  ...(sent.enabled !== undefined && { enabled: Number(sent.enabled) }),
  ...(sent.options !== undefined && { options: mergedOptions(sent.options, row.options) }),
  extra: extraOf(sent, [...columns, ...further], row.extra),
});

// What projects and domains have alike, since a domain is a project: the schema of their attributes
// and the columns these are kept in.
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

/** Attributes with a place of their own; others are kept as they were sent. */
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

/** `further`: attributes that are not kept. */
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

/** As `newFields`, of a change: what is not named stays. */
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

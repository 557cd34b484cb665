// The columns that all objects have: their values in a new row, and their names for filters.
import type { Listing } from './list.ts';
import type { StandardColumns } from './tables.ts';

export function standardRow(
  id: string,
  nowMs: number,
  input: { project_id: string; name: string; description: string },
): StandardColumns {
  return {
    id,
    project_id: input.project_id,
    name: input.name,
    description: input.description,
    tags: '',
    revision_number: 0,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
}

export const unnamedColumns = {
  id: { column: 'id', kind: 'text' },
  description: { column: 'description', kind: 'text' },
  project_id: { column: 'project_id', kind: 'text' },
  revision_number: { column: 'revision_number', kind: 'int' },
  created_at: { column: 'created_at_ms', kind: 'time' },
  updated_at: { column: 'updated_at_ms', kind: 'time' },
} as const satisfies Listing['columns'];
export const standardColumns = {
  ...unnamedColumns,
  name: { column: 'name', kind: 'text' },
} as const satisfies Listing['columns'];

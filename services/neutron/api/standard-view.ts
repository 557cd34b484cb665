// The attributes with which every object's view begins.
import { isoSeconds } from '#platform/clock.ts';
import type { StandardColumns } from '../store/tables.ts';
import { tagsOf } from './tags.ts';

export function standardView(row: Omit<StandardColumns, 'name'>) {
  return {
    id: row.id,
    tenant_id: row.project_id,
    project_id: row.project_id,
    description: row.description,
    tags: tagsOf(row.tags),
    revision_number: row.revision_number,
    created_at: isoSeconds(row.created_at_ms),
    updated_at: isoSeconds(row.updated_at_ms),
  };
}

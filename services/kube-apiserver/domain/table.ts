// Objects as the rows that kubectl prints.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Resource } from './resource.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  includeObject: IncludeObject;
  nowMs: number;
  /** The metadata of the list. */
  metadata: object;
  /** A watch sends the column definitions only with its first event. */
  withColumns: boolean;
}

export const toTable = (
  objects: readonly KubeObject[],
  { columns }: Resource,
  { includeObject, nowMs, metadata, withColumns }: TableOptions,
) => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
  columnDefinitions: withColumns
    ? columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({
        name,
        type,
        format,
        description,
        priority,
      }))
    : null,
  rows: objects.map((object) => ({
    cells: columns.map((column) => column.cell(object, nowMs)),
    ...(includeObject === 'None'
      ? {}
      : { object: includeObject === 'Object' ? object : toMetadata(object) }),
  })),
});

export const toMetadata = ({ metadata }: KubeObject): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

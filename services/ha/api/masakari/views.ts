// The JSON documents of masakari's API. https://docs.openstack.org/api-ref/instance-ha/
import type { Json } from '#contracts/common/json.ts';
import type { MasakariDocument } from '#contracts/ha/masakari.ts';
import type { MoveRow, NotificationRow, SegmentHostRow, SegmentRow } from '../../store/tables.ts';

/** The time as in `2026-11-30T10:04:15.000000`: UTC, without a zone suffix. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000`;
const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeText(ms));

const commonFields = ({
  uuid,
  number,
  created_at_ms: createdAt,
  updated_at_ms: updatedAt,
}: Pick<SegmentRow, 'uuid' | 'number' | 'created_at_ms' | 'updated_at_ms'>) => ({
  id: number,
  uuid,
  created_at: timeText(createdAt),
  updated_at: timeOrNull(updatedAt),
  deleted_at: null,
  deleted: false,
});

/** A segment as the API shows it in a microversion. `version`: its minor number. */
export const segmentView = (row: SegmentRow, version: number): MasakariDocument => ({
  ...commonFields(row),
  name: row.name,
  description: row.description,
  recovery_method: row.recovery_method,
  service_type: row.service_type,
  ...(version >= 2 ? { enabled: row.enabled === 1 } : {}),
});

export const segmentHostView = (
  row: SegmentHostRow,
  segment: SegmentRow,
  version: number,
): MasakariDocument => ({
  ...commonFields(row),
  name: row.name,
  type: row.type,
  control_attributes: row.control_attributes,
  reserved: row.reserved === 1,
  on_maintenance: row.on_maintenance === 1,
  failover_segment_id: segment.uuid,
  failover_segment: segmentView(segment, version),
});

export const notificationView = (row: NotificationRow): MasakariDocument => {
  const { uuid, ...rest } = commonFields(row);
  return {
    ...rest,
    notification_uuid: uuid,
    type: row.type,
    status: row.status,
    source_host_uuid: row.host_uuid,
    generated_time: timeText(row.generated_at_ms),
    payload: JSON.parse(row.payload) as Json, // JSON, written by create
  };
};

export const vmoveView = (row: MoveRow, notification: string, number: number): MasakariDocument => {
  const begunAt = row.started_at_ms ?? row.attempt_at_ms;
  return {
    ...commonFields({
      uuid: row.uuid,
      number,
      created_at_ms: begunAt,
      updated_at_ms: row.ended_at_ms,
    }),
    notification_uuid: notification,
    instance_uuid: row.server_id,
    instance_name: row.name,
    source_host: row.source_host,
    dest_host: row.dest_host,
    start_time: timeOrNull(row.started_at_ms),
    end_time: timeOrNull(row.ended_at_ms),
    status: row.status,
    type: 'evacuation',
    message: row.message,
  };
};

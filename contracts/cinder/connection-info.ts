// `connection_info`: how Cinder encodes a VolumeConnection in its API, and how Nova decodes it. It
// has two forms: nested and, in attachments, flat (api-ref block storage v3, "Show attachment
// details").
import type { JsonObject } from '../common/json.ts';
import type { VolumeConnection } from './volume-connection.ts';

/** The nested form, with all details in `data`: the answer of os-initialize_connection. */
export interface ConnectionInfo {
  driver_volume_type: 'nfs' | 'sim';
  data: JsonObject;
}

export function connectionInfoOf(connection: VolumeConnection, readOnly: boolean): ConnectionInfo {
  const common = {
    access_mode: readOnly ? 'ro' : 'rw',
    encrypted: false,
    qos_specs: null,
    cacheable: false,
  };
  return connection.protocol === 'nfs'
    ? {
        driver_volume_type: 'nfs',
        data: {
          export: `${connection.server}:${connection.share}`,
          name: connection.file,
          format: connection.format,
          options: null,
          ...common,
        },
      }
    : { driver_volume_type: 'sim', data: { volume: connection.volume, ...common } };
}

/** The flat form: `GET /v3/attachments/{id}`. */
export const flatConnectionInfo = ({ driver_volume_type, data }: ConnectionInfo): JsonObject => ({
  driver_volume_type,
  ...data,
});

/**
 * Reads the flat or the nested form; undefined: it describes no volume that hosts of this cloud can
 * reach.
 */
export function connectionFrom(info: JsonObject): VolumeConnection | undefined {
  const data =
    typeof info['data'] === 'object' && info['data'] !== null && !Array.isArray(info['data'])
      ? info['data']
      : info;
  const text = (name: string): string | undefined =>
    typeof data[name] === 'string' ? data[name] : undefined;
  if (info['driver_volume_type'] === 'sim') {
    const volume = text('volume');
    return volume === undefined ? undefined : { protocol: 'sim', volume };
  }
  const [where, file, format] = [text('export'), text('name'), text('format')];
  const colon = where?.lastIndexOf(':') ?? -1;
  if (
    info['driver_volume_type'] !== 'nfs' ||
    where === undefined ||
    file === undefined ||
    colon < 1 ||
    (format !== 'qcow2' && format !== 'raw')
  )
    return undefined;
  return {
    protocol: 'nfs',
    server: where.slice(0, colon),
    share: where.slice(colon + 1),
    file,
    format,
  };
}

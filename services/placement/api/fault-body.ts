// Placement's fault bodies. From 1.23 on `code` distinguishes causes that have the same status.
// https://docs.openstack.org/api-ref/placement/#errors
import { titleOf } from '#openstack/http/faults-to-http.ts';
import type { FaultStyle } from '#openstack/http/route.ts';

export const placementFaults: FaultStyle = {
  body: (status, fault, requestId) => {
    const title = titleOf[status] ?? 'Error';
    const { max_version, min_version } = fault.detail;
    const code =
      fault.detail['code'] ??
      (fault.kind === 'concurrentUpdate'
        ? 'placement.concurrent_update'
        : 'placement.undefined_code');
    return {
      errors: [
        {
          status,
          title,
          request_id: requestId,
          detail: `${status === 404 && !fault.message ? 'The resource could not be found.' : fault.message}`,
          ...(code !== '' && { code }), // '': before 1.23
          ...(max_version === undefined ? {} : { max_version, min_version }),
        },
      ],
    };
  },
};

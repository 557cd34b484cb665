// Cortex's fault bodies. Its callers, Nova and Cinder, read only the status.
import type { FaultStyle } from '#openstack/http/route.ts';

export const cortexFaults: FaultStyle = {
  body: (status, { message }, requestId) => ({
    error: { code: status, message, request_id: requestId },
  }),
};

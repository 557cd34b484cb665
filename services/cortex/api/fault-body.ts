// Cortex's fault bodies. Its callers, Nova and Cinder, look at the status alone.
import type { FaultStyle } from '#openstack/http/route.ts';

export const cortexFaults: FaultStyle = {
  body: (status, { message }, requestId) => ({
    error: { code: status, message, request_id: requestId },
  }),
};

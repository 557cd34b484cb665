// Fault bodies of Nova, Cinder and the HA Service: an object with one key that names the fault.
// nova.api.openstack.wsgi and cinder.api.openstack.wsgi, Fault
import type { FaultStyle } from './route.ts';

const keyOf: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

export const namedFaultBody: FaultStyle['body'] = (status, { message }) => ({
  [keyOf[status] ?? 'computeFault']: { code: status, message },
});

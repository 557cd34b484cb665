// Cinder's fault bodies: one key that names the kind; over quota is 413. cinder.api.openstack.wsgi,
// Fault
import type { FaultStyle } from '#openstack/http/route.ts';

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

export const cinderFaults: FaultStyle = {
  status: { overQuota: 413 },
  body: (status, { message }) => ({ [keyOf[status] ?? 'computeFault']: { code: status, message } }),
};

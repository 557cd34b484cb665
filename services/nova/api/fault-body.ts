// Nova's fault bodies: one key that names the kind. contracts/openstack.md, "Fault bodies".
import type { FaultStyle } from '#platform/http/api.ts';
import { titleOf } from '#platform/http/faults-to-http.ts';

const keyOf: Readonly<Record<number, string>> = {
  400: 'badRequest', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod', 409: 'conflictingRequest', 413: 'overLimit',
  415: 'badMediaType', 501: 'notImplemented', 503: 'serviceUnavailable',
};

export const novaFaults: FaultStyle = {
  body: (status, { message }) =>
    // 401 is worded by the token middleware, which speaks Keystone's form.
    status === 401 ? { error: { code: 401, title: titleOf[401], message } } : { [keyOf[status] ?? 'computeFault']: { code: status, message } },
};

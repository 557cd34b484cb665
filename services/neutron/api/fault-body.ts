// Neutron's fault bodies: `{"NeutronError": {"type", "message", "detail"}}`. `type` is the name of
// upstream's exception.
import type { FaultStyle } from '#openstack/http/route.ts';

const types: Readonly<Record<number, string>> = {
  400: 'HTTPBadRequest',
  403: 'PolicyNotAuthorized',
  404: 'HTTPNotFound',
  405: 'HTTPMethodNotAllowed',
  409: 'Conflict',
  412: 'RevisionNumberConstraintFailed',
  413: 'HTTPRequestEntityTooLarge',
  415: 'HTTPUnsupportedMediaType',
  500: 'HTTPInternalServerError',
  501: 'HTTPNotImplemented',
  503: 'ServiceUnavailable',
  504: 'HTTPGatewayTimeout',
};

export const neutronFaults: FaultStyle = {
  status: { overQuota: 409 },
  body: (status, fault) => ({
    NeutronError: {
      type: fault.detail['type'] ?? types[status] ?? 'HTTPError',
      message: fault.message,
      detail: '',
    },
  }),
};

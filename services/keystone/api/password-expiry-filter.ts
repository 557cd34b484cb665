// `?password_expires_at=lt:2026-01-01T00:00:00Z`. Identity API, "List users".
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { queryValue } from './replies.ts';

/**
 * Checks the filter. badRequest: an unknown operator, or no valid time. The filter itself matches
 * nothing, since passwords never expire here.
 */
export function badExpiryFilter(request: ApiRequest<unknown>): Fault | undefined {
  const value = queryValue(request, 'password_expires_at');
  if (value === undefined) return undefined;
  const [, time = ''] = /^(?:(?:lt|lte|gt|gte|eq|neq):)?(\d{4}-\d\d-\d\dT.+)$/.exec(value) ?? [];
  return Number.isNaN(Date.parse(time))
    ? fault(
        'badRequest',
        'The password_expires_at filter is an operator (lt, lte, gt, gte, eq, neq) and a time: lt:YYYY-MM-DDTHH:mm:ssZ.',
      )
    : undefined;
}

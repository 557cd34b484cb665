// Microversion negotiation: which minor version a request asks for, and the headers that report it.
// https://specs.openstack.org/openstack/api-sig/guidelines/microversion_specification.html
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Microversions } from './route.ts';

/**
 * The requested minor version; the minimum if none is requested. badRequest: malformed;
 * notAcceptable: out of range.
 */
export function negotiate(
  range: Microversions,
  header: (name: string) => string | undefined,
): Outcome<number> {
  const requested = askedVersion(range, header);
  if (requested === undefined) return range.min;
  if (requested === 'latest') return range.max;
  const match = /^(\d+)\.(\d+)$/.exec(requested);
  if (!match)
    return fault(
      'badRequest',
      `API Version String ${requested} is of invalid format. Must be of format MajorNum.MinorNum.`,
    );
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major !== range.major || minor < range.min || minor > range.max) {
    return fault(
      'notAcceptable',
      `Version ${requested} is not supported by the API. Minimum is ${range.major}.${range.min} and maximum is ${range.major}.${range.max}.`,
      {
        max_version: `${range.major}.${range.max}`,
        min_version: `${range.major}.${range.min}`,
      },
    );
  }
  return minor;
}

function askedVersion(
  range: Microversions,
  header: (name: string) => string | undefined,
): string | undefined {
  for (const part of header('openstack-api-version')?.split(',') ?? []) {
    const [type, version] = part.trim().split(/\s+/);
    if (type?.toLowerCase() === range.type) return version ?? '';
  }
  return range.legacyHeader === undefined ? undefined : header(range.legacyHeader)?.trim();
}

export function versionHeaders(range: Microversions, minor: number): Record<string, string> {
  const version = `${range.major}.${minor}`;
  if (range.legacyHeader === undefined)
    return { 'openstack-api-version': `${range.type} ${version}`, vary: 'OpenStack-API-Version' };
  return {
    'openstack-api-version': `${range.type} ${version}`,
    [range.legacyHeader]: version,
    vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
  };
}

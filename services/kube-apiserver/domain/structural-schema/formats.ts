// The string formats that Kubernetes checks in custom resources.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
import { isIP, isIPv4, isIPv6 } from 'node:net';

const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const time = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

const checks: Readonly<Record<string, (value: string) => boolean>> = {
  date: (value) => date.test(value),
  'date-time': (value) =>
    date.test(value.slice(0, 10)) && /[Tt]/.test(value[10] ?? '') && time.test(value.slice(11)),
  byte: (value) => /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
  uuid: (value) => uuid.test(value),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (value) => {
    const [address = '', bits = ''] = value.split('/');
    return (
      isIP(address) > 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128)
    );
  },
  mac: (value) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value),
  hostname: (value) =>
    value.length <= 253 &&
    /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/i.test(value),
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  uri: (value) => URL.canParse(value),
};

/** What is wrong; undefined: the value has the format, or the format is not one that is checked. */
export function formatTrouble(value: string, format: string): string | undefined {
  const check = Object.hasOwn(checks, format) ? checks[format] : undefined;
  return check === undefined || check(value)
    ? undefined
    : `must be of type ${format}: ${JSON.stringify(value)}`;
}

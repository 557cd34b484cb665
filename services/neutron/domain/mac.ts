// A port's MAC address in its one spelling. Pure. The forms are those that upstream takes
// (netaddr.valid_mac).

const forms = [
  /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})$/,
  /^([0-9a-f]{1,2})-([0-9a-f]{1,2})-([0-9a-f]{1,2})-([0-9a-f]{1,2})-([0-9a-f]{1,2})-([0-9a-f]{1,2})$/,
  /^([0-9a-f]{1,4})\.([0-9a-f]{1,4})\.([0-9a-f]{1,4})$/,
  /^([0-9a-f]{1,4}):([0-9a-f]{1,4}):([0-9a-f]{1,4})$/,
  /^([0-9a-f]{6})-([0-9a-f]{6})$/,
  /^([0-9a-f]{12})$/,
];
const multicastBit = 1;
const maxLength = 17;

/**
 * `aa:bb:cc:dd:ee:ff`; undefined: it is none, or one that no interface can have (nobody's,
 * everybody's, a group's).
 */
export function canonicalMac(text: string): string | undefined {
  if (text.length > maxLength) return undefined;
  const parts = forms
    .map((form) => form.exec(text.toLowerCase())?.slice(1))
    .find((found) => found !== undefined);
  if (!parts) return undefined;
  const digits = parts.map((part) => part.padStart(12 / parts.length, '0')).join('');
  if (/^0+$/.test(digits) || (Number.parseInt(digits.slice(0, 2), 16) & multicastBit) !== 0)
    return undefined;
  return digits.match(/../g)?.join(':');
}

// A port's MAC address in canonical spelling. Pure. Accepts the forms that upstream accepts
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
 * The address in the form `aa:bb:cc:dd:ee:ff`; undefined: the text is no MAC, or one that no
 * interface can have (all zeros, broadcast, multicast).
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

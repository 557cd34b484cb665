// Kubernetes' rules for names, labels and annotations, with its messages.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
import type { Cause } from './status.ts';

const dnsLabel = /^[a-z0-9]+(?:-+[a-z0-9]+)*$/;
const dnsSubdomain = /^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const maxAnnotationsBytes = 256 * 1024;

export type NameRule = 'subdomain' | 'label' | 'pathSegment';

const subdomainWords =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelWords =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** Why a name is invalid; undefined: it is valid. */
export function nameTrouble(name: string, rule: NameRule): string | undefined {
  switch (rule) {
    case 'label':
      if (name.length > 63) return 'must be no more than 63 characters';
      return dnsLabel.test(name) ? undefined : labelWords;
    case 'subdomain':
      if (name.length > 253) return 'must be no more than 253 characters';
      return dnsSubdomain.test(name) ? undefined : subdomainWords;
    case 'pathSegment':
      if (name === '.' || name === '..') return `may not be '${name}'`;
      if (name.includes('/')) return "may not contain '/'";
      return name.includes('%') ? "may not contain '%'" : undefined;
  }
}

const quoted = (text: string): string => JSON.stringify(text);

function keyTrouble(key: string): string | undefined {
  const parts = key.split('/');
  const [prefix, name] = parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : [undefined, key];
  if (parts.length > 2 || !qualifiedPart.test(name) || name.length > 63)
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  if (prefix !== undefined && (prefix.length > 253 || !dnsSubdomain.test(prefix)))
    return `prefix part ${subdomainWords}`;
  return undefined;
}

export function labelCauses(labels: unknown, field = 'metadata.labels'): Cause[] {
  return entriesOf(labels).flatMap(([key, value]): Cause[] => {
    const trouble = keyTrouble(key);
    if (trouble)
      return [
        {
          reason: 'FieldValueInvalid',
          field,
          message: `Invalid value: ${quoted(key)}: ${trouble}`,
        },
      ];
    return value === '' || (qualifiedPart.test(value) && value.length <= 63)
      ? []
      : [
          {
            reason: 'FieldValueInvalid',
            field,
            message: `Invalid value: ${quoted(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
          },
        ];
  });
}

export function annotationCauses(annotations: unknown): Cause[] {
  const field = 'metadata.annotations';
  const entries = entriesOf(annotations);
  const bytes = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return [
    ...(bytes > maxAnnotationsBytes
      ? [
          {
            reason: 'FieldValueTooLong' as const,
            field,
            message: `Too long: may not be more than ${maxAnnotationsBytes} bytes`,
          },
        ]
      : []),
    ...entries.flatMap(([key]): Cause[] => {
      const trouble = keyTrouble(key.toLowerCase());
      return trouble
        ? [
            {
              reason: 'FieldValueInvalid',
              field,
              message: `Invalid value: ${quoted(key)}: ${trouble}`,
            },
          ]
        : [];
    }),
  ];
}

/** The type (a map of strings) was checked when the body was read. */
function entriesOf(map: unknown): [string, string][] {
  return typeof map === 'object' && map !== null
    ? Object.entries(map as Record<string, string>)
    : [];
}

/**
 * The prefix and five random characters; without vowels, as in Kubernetes, so that no words are
 * formed.
 */
export function generatedName(prefix: string, random: () => number): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const longest = 63 - 5;
  const tail = Array.from(
    { length: 5 },
    () => alphabet[Math.floor(random() * alphabet.length)] ?? 'b',
  );
  return prefix.slice(0, longest) + tail.join('');
}

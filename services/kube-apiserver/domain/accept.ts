// The representation that an Accept header asks for.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
export type Form = 'object' | 'table' | 'metadata' | 'aggregatedDiscovery';

/**
 * The first media type in the header that the server supports (JSON only); undefined: none of them.
 */
export function formOf(accept: string): Form | undefined {
  if (accept.trim() === '') return 'object';
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    if (!['application/json', '*/*', 'application/*'].includes(type.toLowerCase())) continue;
    const as = parameters.find((each) => each.startsWith('as='))?.slice(3);
    switch (as) {
      case undefined:
        return 'object';
      case 'Table':
        return 'table';
      case 'PartialObjectMetadata':
      case 'PartialObjectMetadataList':
        return 'metadata';
      case 'APIGroupDiscoveryList':
        return 'aggregatedDiscovery';
      default: // try the next media type
    }
  }
  return undefined;
}

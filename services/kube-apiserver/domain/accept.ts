// In which form an answer is wanted. https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
export type Form = 'object' | 'table' | 'metadata' | 'aggregatedDiscovery';

/** The first of the named forms that we have; undefined: none of them. JSON alone. */
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
      default: // another one may follow
    }
  }
  return undefined;
}

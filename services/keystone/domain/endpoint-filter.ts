// Which endpoints belong to an endpoint group. Identity API, "OS-EP-FILTER".

export interface EndpointFilter {
  service_id?: string;
  region_id?: string;
  interface?: string;
}

/** Parses the column `filters` of an endpoint group. */
export function filterOf(group: { filters: string }): EndpointFilter {
  // validated by the route's schema when it was written
  return JSON.parse(group.filters) as EndpointFilter;
}

export function inGroup(
  endpoint: { service_id: string; region_id: string | null; interface: string },
  group: { filters: string },
): boolean {
  return Object.entries(filterOf(group)).every(
    ([attribute, wanted]) => endpoint[attribute as keyof EndpointFilter] === wanted,
  );
}

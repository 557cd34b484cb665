// Which endpoints an endpoint group names. Identity API, "OS-EP-FILTER".

export interface EndpointFilter {
  service_id?: string;
  region_id?: string;
  interface?: string;
}

/** The filters of a group as its column holds them. */
export function filterOf(group: { filters: string }): EndpointFilter {
  // checked by the route's schema when it was written
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

// Builds the service catalog of a token from services and the endpoints that its project may see.

interface Service {
  id: string;
  type: string;
  name: string;
}

interface Endpoint {
  id: string;
  service_id: string;
  interface: string;
  region_id: string | null;
  url: string;
}

export interface CatalogService extends Service {
  endpoints: {
    id: string;
    interface: string;
    region_id: string | null;
    url: string;
    region: string | null;
  }[];
}

/**
 * An endpoint whose URL contains a project id is left out of a catalog without a project, as
 * upstream.
 */
export function catalogOf(
  services: readonly Service[],
  endpoints: readonly Endpoint[],
  userId: string,
  projectId: string | null,
): CatalogService[] {
  return services.map(({ id, type, name }) => ({
    endpoints: endpoints
      .filter((endpoint) => endpoint.service_id === id)
      .flatMap((endpoint) => {
        const url = fillIn(endpoint.url, userId, projectId);
        return url === undefined
          ? []
          : [
              {
                id: endpoint.id,
                interface: endpoint.interface,
                region_id: endpoint.region_id,
                url,
                region: endpoint.region_id,
              },
            ];
      }),
    id,
    type,
    name,
  }));
}

// Both `$(project_id)s` and `%(tenant_id)s` are in use: Keystone's administrator guide, "Service
// catalog".
function fillIn(url: string, userId: string, projectId: string | null): string | undefined {
  const filled = url.replace(/[$%]\((\w+)\)s/g, (whole, name: string) => {
    if (name === 'user_id') return userId;
    if (name === 'project_id' || name === 'tenant_id') return projectId ?? whole;
    return whole;
  });
  return /[$%]\(\w+\)s/.test(filled) ? undefined : filled;
}

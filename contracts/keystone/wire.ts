// Keystone's projects in its API. https://docs.openstack.org/api-ref/identity/v3/

export interface KeystoneProject {
  id: string;
  name: string;
}

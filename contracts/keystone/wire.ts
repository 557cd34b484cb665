// Keystone's projects as its API shows them. https://docs.openstack.org/api-ref/identity/v3/

export interface KeystoneProject {
  id: string;
  name: string;
}

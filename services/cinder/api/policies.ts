// Cinder's default policies under upstream's rule names, so that an operator's policy file fits.
// The rules check roles; an object's project is checked by the query that reads it.
// https://docs.openstack.org/cinder/latest/configuration/block-storage/policy.html

const admin = 'rule:admin_api';
const member = 'rule:project_member_or_admin';
const reader = 'rule:project_reader_or_admin';
const anybody = '@';

const all = (rule: string, names: string): Record<string, string> =>
  Object.fromEntries(
    names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => [name, rule]),
  );

export const policies: Readonly<Record<string, string>> = {
  admin_api: 'role:admin and domain_id:None', // a domain-scoped token is no admin here
  project_reader_or_admin: 'rule:admin_api or (role:reader and project_id:%(project_id)s)',
  project_member_or_admin: 'rule:admin_api or (role:member and project_id:%(project_id)s)',
  ...all(
    reader,
    `
    volume:get volume:get_all volume:get_volume_metadata volume:get_snapshot volume:get_all_snapshots volume:get_snapshot_metadata volume:attachment_get_all
    volume:get_transfer volume:get_all_transfers volume_extension:volume_image_metadata:show volume_extension:type_get volume_extension:type_get_all
    backup:get backup:get_all limits_extension:used_limits volume_extension:quotas:show message:get message:get_all
  `,
  ),
  ...all(
    member,
    `
    volume:create volume:update volume:delete volume:extend volume:update_volume_metadata volume:delete_volume_metadata
    volume:create_snapshot volume:update_snapshot volume:delete_snapshot volume:update_snapshot_metadata volume:delete_snapshot_metadata
    volume:attachment_create volume:attachment_update volume:attachment_delete volume:attachment_complete
    volume:create_transfer volume:accept_transfer volume:delete_transfer
    volume_extension:volume_image_metadata:set volume_extension:volume_image_metadata:remove volume_extension:volume_actions:attach volume_extension:volume_actions:detach
    volume_extension:volume_actions:reserve volume_extension:volume_actions:unreserve volume_extension:volume_actions:begin_detaching volume_extension:volume_actions:roll_detaching
    volume_extension:volume_actions:initialize_connection volume_extension:volume_actions:terminate_connection volume_extension:volume_actions:upload_image
    volume:update_readonly_flag volume:set_bootable backup:create backup:delete backup:restore backup:update message:delete
    snapshot_extension:snapshot_actions:update_snapshot_status volume:revert_to_snapshot volume:retype group:any
  `,
  ),
  ...all(
    admin,
    `
    volume_extension:volume_admin_actions:reset_status volume_extension:volume_admin_actions:force_delete
    volume_extension:volume_admin_actions:force_detach volume_extension:volume_admin_actions:migrate_volume volume_extension:snapshot_admin_actions:reset_status
    volume_extension:snapshot_admin_actions:force_delete volume_extension:backup_admin_actions:reset_status volume_extension:backup_admin_actions:force_delete
    volume_extension:type_create volume_extension:type_update volume_extension:type_delete volume_extension:types_extra_specs:create volume_extension:types_extra_specs:update
    volume_extension:types_extra_specs:delete volume_extension:types_extra_specs:index volume_extension:types_extra_specs:show volume_extension:volume_type_access:get_all_for_type
    volume_extension:volume_type_access:addProjectAccess volume_extension:volume_type_access:removeProjectAccess
    volume_extension:services:index volume_extension:services:update volume_extension:hosts scheduler_extension:scheduler_stats:get_pools volume_extension:capabilities
    volume_extension:quotas:update volume_extension:quotas:delete volume_extension:quota_classes:get volume_extension:quota_classes:update
    volume_extension:qos_specs_manager:any volume_extension:volume_type_encryption:any volume_extension:volume_manage volume_extension:volume_unmanage group:group_types backup:export-import
  `,
  ),
  ...all(anybody, 'volume:availability_zone_list volume:extensions'),
};

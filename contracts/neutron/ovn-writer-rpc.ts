// Calls of Neutron's API to the processes of the role neutron-ovn-writer, topic
// `neutron-ovn-writer`.

export const ovnWriterTopic = 'neutron-ovn-writer';

export type OvnWriterRpc = {
  /**
   * A change for OVN was committed: the active writer reads the journal. Sent as a fanout; if it is
   * lost, the change is written one scan period later.
   */
  wake: { params: Record<string, never>; result: null };
};

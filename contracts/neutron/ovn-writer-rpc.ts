// Neutron's API -> the processes of the role neutron-ovn-writer, topic `neutron-ovn-writer`.

export const ovnWriterTopic = 'neutron-ovn-writer';

export type OvnWriterRpc = {
  /**
   * Something was committed that OVN shows: whoever is the writer looks at the journal. Sent as a
   * fanout; a lost one costs a scan period.
   */
  wake: { params: Record<string, never>; result: null };
};

// The calls of Nova's and Cinder's schedulers to an external scheduler (SAP's fork of Nova,
// nova/scheduler/external.py), with the fields of Nova's RequestSpec (1.14) that Cortex reads.
// Nova's objects are serialised by oslo.versionedobjects: their fields are in `nova_object.data`.
import type { JsonObject } from '../common/json.ts';

/** A versioned object. Any field may be absent or null, since releases of Nova differ. */
export interface NovaObject<T> {
  'nova_object.name'?: string;
  'nova_object.data': Partial<{ [K in keyof T]: T[K] | null }>;
}

export interface FlavorFields {
  flavorid: string;
  name: string;
  memory_mb: number;
  vcpus: number;
  root_gb: number;
  ephemeral_gb: number;
  swap: number;
  extra_specs: Record<string, string>;
}

export interface ImageFields {
  id: string;
  /** ImageMetaProps: `hw_architecture`, `img_hv_type`, `traits_required`, ... */
  properties: NovaObject<Record<string, unknown>>;
}

export interface InstanceGroupFields {
  uuid: string;
  name: string;
  policy: string;
  /** The policy as a list of one, before Nova had `policy`. */
  policies: string[];
  members: string[];
  hosts: string[];
  _rules: Record<string, number | string>;
  rules: Record<string, number | string>;
}

export interface DestinationFields {
  host: string;
  node: string;
  /**
   * Each entry is a comma-separated list of aggregates; the host must be in at least one of each
   * list.
   */
  aggregates: string[];
  forbidden_aggregates: string[];
}

export interface RequestLevelParamsFields {
  root_required: string[];
  root_forbidden: string[];
}

export interface RequestSpecFields {
  project_id: string;
  user_id: string;
  instance_uuid: string;
  availability_zone: string;
  num_instances: number;
  is_bfv: boolean;
  /** Values are strings or lists of them. */
  scheduler_hints: Record<string, string | string[]>;
  ignore_hosts: string[];
  force_hosts: string[];
  force_nodes: string[];
  image: NovaObject<ImageFields>;
  flavor: NovaObject<FlavorFields>;
  request_level_params: NovaObject<RequestLevelParamsFields>;
  requested_destination: NovaObject<DestinationFields>;
  instance_group: NovaObject<InstanceGroupFields>;
}

export interface ExternalHost {
  host: string;
  hypervisor_hostname?: string;
}

/**
 * The server is number `index` of `size` servers that one request creates; `id` names the request.
 */
export type BatchPlace = {
  id: string;
  size: number;
  index: number;
};

/** Options that Cortex defines. This cloud's services set them, stock Nova does not. */
export interface ExternalOptions {
  /** The request is only a question: no host is held for the server. */
  read_only?: boolean;
  /** As `read_only`: no host is held for the server. */
  skip_inflight?: boolean;
  /** The decision is not written to a `History` resource. */
  skip_history?: boolean;
  /** The server's place among the servers of one request, which are placed by one decision. */
  batch?: BatchPlace;
  /** Judges capacity as if no server were on any host; reservations still count. */
  assume_empty_hosts?: boolean;
  /** Committed resources stay reserved, even for servers of the project that they belong to. */
  lock_reservations?: boolean;
  /** Types of reservations whose held capacity counts as free. */
  ignored_reservation_types?: string[];
  /** Limit of hosts in the answer. */
  max_candidates?: number;
}

interface ExternalFrame {
  context?: JsonObject;
  hosts: ExternalHost[];
  weights: Record<string, number>;
  pipeline?: string;
  options?: ExternalOptions;
}

export interface NovaExternalRequest extends ExternalFrame {
  spec: NovaObject<RequestSpecFields>;
}

/**
 * The answer: hosts, the best first. Nova's schema allows no other fields, and refuses hosts that
 * it did not send.
 */
export interface ExternalAnswer {
  hosts: string[];
}

/** The call of Cinder's scheduler; `spec` describes the volume in Cinder's own terms. */
export interface CinderExternalRequest extends ExternalFrame {
  spec: JsonObject;
}

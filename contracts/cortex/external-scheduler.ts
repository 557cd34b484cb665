// The call of Nova's scheduler to an external one: SAP's fork of Nova, nova/scheduler/external.py,
// and the parts of its RequestSpec (1.14) that Cortex reads. Objects are serialised by
// oslo.versionedobjects: their fields are in `nova_object.data`.
import type { JsonObject } from '../common/json.ts';

/** A versioned object. Every field may be absent or null: releases of Nova differ. */
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
  /** Releases before 2.64. */
  policies: string[];
  members: string[];
  hosts: string[];
  _rules: Record<string, number | string>;
  rules: Record<string, number | string>;
}

export interface DestinationFields {
  host: string;
  node: string;
  /** Of each entry, a list separated by commas, the host is in one at least. */
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

/** `index` of `size` servers of one request to create them; `id` is the request's own. */
export type BatchPlace = {
  id: string;
  size: number;
  index: number;
};

/** Extensions of Cortex: services of ours set them, Nova does not. */
export interface ExternalOptions {
  /** Nothing is held for the server: it is only a question. */
  read_only?: boolean;
  skip_inflight?: boolean;
  /** No resource `History` tells of it. */
  skip_history?: boolean;
  /** Which of the servers of one request this is: they are placed by one decision. */
  batch?: BatchPlace;
  assume_empty_hosts?: boolean;
  lock_reservations?: boolean;
  ignored_reservation_types?: string[];
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

/** Nova's schema allows nothing else, and refuses hosts that it has not sent. Best first. */
export interface ExternalAnswer {
  hosts: string[];
}

/** Cinder's scheduler in the same frame; what it says of the volume is Cinder's own. */
export interface CinderExternalRequest extends ExternalFrame {
  spec: JsonObject;
}

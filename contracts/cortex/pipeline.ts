// Cortex's pipelines in the form of the `Pipeline` resource of cortex.cloud/v1alpha1: its spec and
// the parameters of its steps. Source: cobaltcore-dev/cortex, api/v1alpha1.

/** A parameter of a step; exactly one of the values is set. */
export interface StepParameter {
  key: string;
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number;
  floatValue?: number;
  stringListValue?: string[];
  floatMapValue?: Record<string, number>;
}

export interface FilterSpec {
  /** The filter's name in the table of filters, e.g. `filter_correct_az`. */
  name: string;
  params?: StepParameter[];
  description?: string;
}

export interface WeigherSpec extends FilterSpec {
  /** Default 1. A negative one reverses the weigher's preference. */
  multiplier?: number;
}

export interface PipelineSpec {
  schedulingDomain: 'nova' | 'cinder' | 'manila' | 'machines' | 'pods';
  type: 'filter-weigher' | 'detector';
  description?: string;
  /** Ignores the hosts that the request names: all hosts in the fleet are candidates. */
  ignorePreselection?: boolean;
  filters?: FilterSpec[];
  weighers?: WeigherSpec[];
}

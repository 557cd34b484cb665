// Pipelines of Cortex, in the form of the resource `Pipeline` of cortex.cloud/v1alpha1: its spec
// and the parameters of steps. Source: cobaltcore-dev/cortex, api/v1alpha1.

/** Exactly one of the values is set. */
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
  /** As in the table of filters, e.g. `filter_correct_az`. */
  name: string;
  params?: StepParameter[];
  description?: string;
}

export interface WeigherSpec extends FilterSpec {
  /** Default 1; negative: what the weigher prefers is avoided. */
  multiplier?: number;
}

export interface PipelineSpec {
  schedulingDomain: 'nova' | 'cinder' | 'manila' | 'machines' | 'pods';
  type: 'filter-weigher' | 'detector';
  description?: string;
  /** The hosts of the request are ignored: all hosts that Cortex knows are candidates. */
  ignorePreselection?: boolean;
  filters?: FilterSpec[];
  weighers?: WeigherSpec[];
}

/** What a template is, and what it becomes: entries of `metrics` as a person would write them in the rules file. */

interface Shared {
  name: string;
  fail?: { ratio?: number; floor?: number };
  pass?: number | 'none';
  weight?: number;
  mode?: 'enforce' | 'observe';
}

export interface RatioEntry extends Shared {
  kind: 'ratio';
  events: string;
  total: string;
  slo?: number;
  phi?: number;
}

export interface LatencyEntry extends Shared {
  kind: 'latency';
  histogram: string;
  le: number[];
  slo?: { le: number; max: number };
  phi?: number;
}

export type MetricEntry = RatioEntry | LatencyEntry;

/** A parameter of one template; its value stands in the texts as `{{name}}`. */
export interface TemplateParameter {
  readonly default: string;
  /** A metric name or a label name: nothing else can be put into a selector. */
  readonly form: 'metric' | 'label' | 'optional-metric';
}

export interface Template {
  readonly about: string;
  readonly parameters: Readonly<Record<string, TemplateParameter>>;
  readonly metrics: readonly MetricEntry[];
  /** Matchers that tell the two versions apart, where the series themselves do; the texts of the inputs. */
  readonly arms?: { readonly stable: string; readonly canary: string };
  /** Unit of the bounds. */
  readonly unit: 's' | 'ms';
}

export {
  expandTemplate,
  TemplateError,
  type TemplateParameters,
  templateArms,
  templateNames,
  templateParameters,
} from './expand.ts';
export type { MetricEntry } from './types.ts';

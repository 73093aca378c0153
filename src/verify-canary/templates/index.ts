export {
  expandTemplate,
  TemplateError,
  type TemplateParameters,
  templateArms,
  templateNames,
  templateParameters,
} from './expand.ts';
export { expandRules, TemplateEntryError, templateEntry } from './rules.ts';
export type { MetricEntry } from './types.ts';

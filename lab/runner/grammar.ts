/** GitHub's own grammar of workflow and action files: the one door to @actions/workflow-parser and @actions/expressions. */
import { registerHooks } from 'node:module';

const importParser = () =>
  Promise.all([
    import('@actions/workflow-parser'),
    import('@actions/workflow-parser/actions/action-parser'),
    import('@actions/workflow-parser/actions/action-template'),
  ]);

/**
 * The package imports its JSON schemas without `with { type: 'json' }`, which Node refuses and bundlers and jest accept.
 * So: import, and only where Node refuses, import again with a loader hook that adds the attribute.
 */
async function load(): ReturnType<typeof importParser> {
  try {
    return await importParser();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_IMPORT_ATTRIBUTE_MISSING') throw error;
    const hook = registerHooks({
      load: (url, context, next) =>
        next(url, url.endsWith('.min.json') ? { ...context, importAttributes: { type: 'json' } } : context),
    });
    try {
      return await importParser();
    } finally {
      hook.deregister();
    }
  }
}

const [workflow, action, template] = await load();

export const { convertWorkflowTemplate, isBasicExpression, isMapping, isSequence, isString, parseWorkflow } = workflow;
export const { isBoolean, isNumber } = workflow;
export const { parseAction } = action;
export const { convertActionTemplate } = template;
/** A trace that says nothing: the errors come back as data. */
export const trace = new workflow.NoOperationTraceWriter();

export { data, Evaluator, Lexer, Parser } from '@actions/expressions';
export type { FunctionDefinition } from '@actions/expressions/funcs/info';
export type { Step } from '@actions/workflow-parser/model/workflow-template';
export type { MappingToken, TemplateToken } from '@actions/workflow-parser/templates/tokens/index';

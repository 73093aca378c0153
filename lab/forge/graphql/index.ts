/** GraphQL: every document is validated against GitHub's published schema, then executed over the bare repositories. */
import { schema as github } from '@octokit/graphql-schema';
import {
  buildSchema,
  type DocumentNode,
  execute,
  type GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  Kind,
  parse,
  validate,
} from 'graphql';
import type { Repo } from '../store.ts';
import { mayRead, sees } from '../tokens.ts';
import { FORBIDDEN, type GraphqlContext, Refusal } from './context.ts';
import { createCommitOnBranch, createRef, deleteRef, updateRefs } from './mutations.ts';
import { repositoryNode } from './nodes.ts';
import { disablePullRequestAutoMerge, enablePullRequestAutoMerge } from './pulls.ts';

export { type GraphqlContext, repositoryId } from './context.ts';

let built: GraphQLSchema | undefined;
function githubSchema(): GraphQLSchema {
  built ??= buildSchema(github.idl, { assumeValid: true });
  return built;
}

interface Parsed {
  document?: DocumentNode;
  errors: readonly object[];
}

// Clients send the same few documents over and over; validating one costs more than answering it.
const parsed = new Map<string, Parsed>();
const MAX_PARSED = 500;

function read(query: string): Parsed {
  const known = parsed.get(query);
  if (known !== undefined) return known;
  let result: Parsed;
  try {
    const document = parse(query);
    const errors = validate(githubSchema(), document).map((e) => ({ message: e.message, locations: e.locations }));
    result = { document, errors };
  } catch (error) {
    result = { errors: [{ message: (error as Error).message }] };
  }
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(query, result);
  return result;
}

/** Name of the first operation of a document, '' without one. */
export function operationName(query: string): string {
  const first = read(query).document?.definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION);
  return first?.name?.value ?? '';
}

/** @returns what GitHub puts into a 200 answer: refusals come as `errors` with a type, not as a status */
export async function runGraphql(
  body: Readonly<Record<string, unknown>>,
  context: GraphqlContext,
): Promise<{ data?: unknown; errors?: readonly object[] }> {
  if (typeof body.query !== 'string') {
    return { errors: [{ message: 'A query attribute must be specified and must be a string.' }] };
  }
  const { document, errors } = read(body.query);
  if (document === undefined || errors.length > 0) return { errors };
  const result = await execute({
    schema: githubSchema(),
    document,
    rootValue: root(context),
    contextValue: context,
    variableValues: (body.variables ?? {}) as Record<string, unknown>,
    operationName: typeof body.operationName === 'string' ? body.operationName : null,
    fieldResolver: answerField,
  });
  if (result.errors === undefined) return result;
  return { data: result.data ?? null, errors: result.errors.map(shown) };
}

// A field that the schema has and the forge does not must never read as null: a null means "not there" to a client.
const answerField: GraphQLFieldResolver<unknown, GraphqlContext> = (source, args, context, info) => {
  const value = (source as Record<string, unknown>)[info.fieldName];
  if (value === undefined) {
    context.unknown(`${info.parentType.name}.${info.fieldName}`);
    throw new Error(`The lab's forge does not answer ${info.parentType.name}.${info.fieldName}`);
  }
  return typeof value === 'function' ? value(args) : value;
};

function shown(error: GraphQLError): object {
  const { originalError } = error;
  return {
    ...(originalError instanceof Refusal ? { type: originalError.type } : {}),
    path: error.path,
    locations: error.locations,
    message: error.message,
  };
}

function root(context: GraphqlContext): object {
  const readable = (fullName: string): Repo => {
    const repo = context.find(fullName);
    if (repo === undefined || !sees(context.token, repo)) {
      throw new Refusal('NOT_FOUND', `Could not resolve to a Repository with the name '${fullName}'.`);
    }
    if (!mayRead(context.token, repo, 'contents')) throw new Refusal('FORBIDDEN', FORBIDDEN);
    return repo;
  };
  const mutation =
    <I>(run: (input: I, context: GraphqlContext) => Promise<object>) =>
    ({ input }: { input: I }): Promise<object> =>
      run(input, context);
  return {
    viewer: { __typename: 'User', login: context.token.login },
    repository: ({ owner, name }: { owner: string; name: string }) =>
      repositoryNode(readable(`${owner}/${name}`), context),
    createCommitOnBranch: mutation(createCommitOnBranch),
    createRef: mutation(createRef),
    updateRefs: mutation(updateRefs),
    deleteRef: mutation(deleteRef),
    disablePullRequestAutoMerge: mutation(disablePullRequestAutoMerge),
    enablePullRequestAutoMerge: mutation(enablePullRequestAutoMerge),
  };
}

/** What is asked of GitHub's GraphQL API. Only variables carry values; nothing is interpolated but the numbers of aliases. */
import type { LoggedCommit } from './config-repository.ts';

const FILE = 'mode type oid object { ... on Blob { byteSize isBinary isTruncated text } }';
const LOGGED = 'oid message committedDate';
const PAGE_OF = `nodes { ${LOGGED} } pageInfo { hasNextPage endCursor }`;

export interface BlobNode {
  byteSize: number;
  isBinary: boolean | null;
  isTruncated: boolean;
  text: string | null;
}
export interface FileNode {
  /** A decimal number: 33188 is 100644. */
  mode: number;
  type: string;
  oid: string;
  object: Partial<BlobNode> | null;
}
export interface LoggedNode {
  oid: string;
  message: string;
  committedDate: string;
}
export interface HistoryNode {
  nodes: LoggedNode[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export const COMMIT = `mutation BumpCommit($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input:$input) { commit { oid url signature { isValid } } } }`;

export const CREATE_REF = `mutation BumpCreateRef($input: CreateRefInput!) { createRef(input:$input) { ref { name } } }`;

/** Moves several refs, all or none. */
export const UPDATE_REFS = `mutation BumpUpdateRefs($input: UpdateRefsInput!) { updateRefs(input:$input) { clientMutationId } }`;

export type MergeMethod = 'MERGE' | 'SQUASH' | 'REBASE';

export const AUTO_MERGE = `mutation BumpAutoMerge($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input:$input) { pullRequest { number } } }`;

export const AUTO_MERGE_OFF = `mutation BumpAutoMergeOff($input: DisablePullRequestAutoMergeInput!) { disablePullRequestAutoMerge(input:$input) { pullRequest { number } } }`;

export const HISTORY = `query BumpHistory($owner:String!,$name:String!,$ref:String!) { repository(owner:$owner,name:$name) { nameWithOwner ref(qualifiedName:$ref) { target { oid ... on Commit { history(first:100) { ${PAGE_OF} } } } } } }`;

/** Newest commits of a file that come along with its bytes. */
export const RECENT = 20;

export const FILE_LOG = `query BumpFileLog($owner:String!,$name:String!,$oid:GitObjectID!,$path:String!,$after:String) { repository(owner:$owner,name:$name) { nameWithOwner object(oid:$oid) { ... on Commit { history(first:100, path:$path, after:$after) { ${PAGE_OF} } } } } }`;

/** Later pages belong to one head, whatever moves the branch meanwhile. */
export const HISTORY_PAGE = `query BumpHistoryPage($owner:String!,$name:String!,$oid:GitObjectID!,$after:String!) { repository(owner:$owner,name:$name) { nameWithOwner object(oid:$oid) { ... on Commit { history(first:100, after:$after) { ${PAGE_OF} } } } } }`;

export const COMMIT_AT = `query BumpCommitAt($owner:String!,$name:String!,$ref:String!,$oid:GitObjectID!) { repository(owner:$owner,name:$name) { nameWithOwner ref(qualifiedName:$ref) { target { oid } } object(oid:$oid) { __typename ... on Commit { ${LOGGED} parents(first:100) { nodes { oid } } } } } }`;

/** The entry of a folder, and the tree of the commit for the root. */
export const FOLDER_AT = `query BumpFolder($owner:String!,$name:String!,$oid:GitObjectID!,$path:String!) { repository(owner:$owner,name:$name) { nameWithOwner object(oid:$oid) { ... on Commit { file(path:$path) { type oid } } } } }`;

/** The head of the branch, and for each file its bytes (`f0`, …) and the commits that touched it (`l0`, …). */
export function readQuery(count: number): string {
  const fields = numbers(count).map(
    (i) => `f${i}: file(path:$p${i}) { ${FILE} } l${i}: history(first:${RECENT}, path:$p${i}) { nodes { ${LOGGED} } }`,
  );
  return `query BumpRead($owner:String!,$name:String!,$ref:String!${paths(count)}) { repository(owner:$owner,name:$name) { id nameWithOwner ref(qualifiedName:$ref) { target { oid ... on Commit { ${fields.join(' ')} } } } } }`;
}

/** The files of one commit: `f0`, … */
export function readAtQuery(count: number): string {
  const fields = numbers(count).map((i) => `f${i}: file(path:$p${i}) { ${FILE} }`);
  return `query BumpReadAt($owner:String!,$name:String!,$oid:GitObjectID!${paths(count)}) { repository(owner:$owner,name:$name) { nameWithOwner object(oid:$oid) { __typename ... on Commit { ${fields.join(' ')} } } } }`;
}

/** The branch of a proposal and a scratch branch, with what stands at the paths (`f0`, …), and how the repository merges. */
export function proposalQuery(count: number): string {
  const files = numbers(count).map((i) => `f${i}: file(path:$p${i}) { mode type oid }`);
  const tip = `target { oid ... on Commit { message committedDate changedFilesIfAvailable signature { isValid } parents(first:2) { nodes { oid } } ${files.join(' ')} } }`;
  return `query BumpProposal($owner:String!,$name:String!,$ref:String!,$scratch:String!${paths(count)}) { repository(owner:$owner,name:$name) { id nameWithOwner mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed ref(qualifiedName:$ref) { ${tip} } scratch: ref(qualifiedName:$scratch) { ${tip} } } }`;
}

/** Blobs by their ids: `b0`, … */
export function blobsQuery(count: number): string {
  const variables = numbers(count).map((i) => `,$o${i}:GitObjectID!`);
  const fields = numbers(count).map(
    (i) => `b${i}: object(oid:$o${i}) { ... on Blob { byteSize isBinary isTruncated text } }`,
  );
  return `query BumpBlobs($owner:String!,$name:String!${variables.join('')}) { repository(owner:$owner,name:$name) { nameWithOwner ${fields.join(' ')} } }`;
}

export function logged(node: LoggedNode): LoggedCommit {
  return { oid: node.oid, message: node.message, time: node.committedDate };
}

/** @returns the variables of the paths of a query */
export function pathVariables(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path, i) => [`p${i}`, path]));
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const paths = (count: number): string =>
  numbers(count)
    .map((i) => `,$p${i}:String!`)
    .join('');

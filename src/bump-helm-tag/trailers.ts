/** The trailer block of a bump: written into the commit, read back as the record of who set what. Pure. */
import { oneLine } from '../text/index.ts';

export interface BumpBlock {
  bumpId: string;
  /** Target id and the value it got: an image reference, or the text of a scalar. */
  targets: readonly { id: string; kind: 'image' | 'scalar'; value: string }[];
  sourceRepository: string;
  sourceRevision: string;
  /** The handoff commit that this one takes back; '' when it is no way back. */
  reverts: string;
}

/** Keys that the block uses; a user's trailer may not. */
export const OWN_KEYS = [
  'Bump-Id',
  'Bump-Target',
  'Bump-Value',
  'Image-Ref',
  'Source-Repository',
  'Source-Revision',
  'Source-Ref',
  'Workflow-Run',
  'Downgrade-Reason',
  'Reverts',
] as const;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

export interface BlockToWrite {
  bumpId: string;
  targets: readonly { id: string; kind: 'image' | 'scalar'; value: string }[];
  sourceRepository: string;
  sourceRevision: string;
  sourceRef: string;
  workflowRun: string;
  downgradeReason: string;
  reverts: string;
  /** Checked `Key: value` lines of the user. */
  user: readonly string[];
}

const WORKFLOW_WORD = /\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/gi;
// What must not stand in a message as it is: controls, separators, characters that hide or turn round what is read.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
/** A longer value is cut, and reads as edited by hand when it is next met. */
const MAX_VALUE = 16_384;

/** `[skip ci]` and its kin in a tag or branch name would switch off the workflows of the config repository. */
export function defuse(text: string): string {
  return text.replace(WORKFLOW_WORD, '($1)');
}

/** The lines of one block; every value is one line, and none is empty: an empty one would spoil the whole paragraph. */
export function renderBlock(block: BlockToWrite): string {
  const lines = [`Bump-Id: ${block.bumpId}`];
  for (const { id, kind, value } of block.targets) {
    // An image that was nowhere before is the empty text.
    const ref = kind === 'image' ? defuse(oneLine(value)).trim() : '';
    lines.push(`Bump-Target: ${writeId(id)}`, ref === '' ? `Bump-Value: ${writeJson(value)}` : `Image-Ref: ${ref}`);
  }
  const add = (key: string, value: string): void => {
    const line = defuse(oneLine(value, 500)).trim();
    if (line !== '') lines.push(`${key}: ${line}`);
  };
  add('Source-Repository', block.sourceRepository);
  add('Source-Revision', block.sourceRevision);
  add('Source-Ref', block.sourceRef);
  add('Workflow-Run', block.workflowRun);
  add('Downgrade-Reason', block.downgradeReason);
  add('Reverts', block.reverts);
  for (const line of block.user) {
    const at = line.indexOf(': ');
    add(line.slice(0, at), line.slice(at + 2));
  }
  return lines.join('\n');
}

/**
 * The blocks of a commit message: its last paragraph, when every line of it is a trailer. Unknown keys are skipped; a block
 * without a proper id, or with a malformed revision, is none.
 */
export function parseBlocks(message: string): BumpBlock[] {
  // A browser sends CRLF: a pull request that was edited there and squashed has such a message.
  const text = message.replaceAll('\r\n', '\n').replace(/\s+$/, '');
  const lines = (text.split(/\n[ \t]*\n/).at(-1) ?? '').split('\n');
  if (lines.length === text.split('\n').length) return [];
  if (!lines.every((line) => /^[A-Za-z][A-Za-z0-9-]*: .+$/.test(line))) return [];
  const blocks: Draft[] = [];
  for (const line of lines) {
    const at = line.indexOf(': ');
    const [key, value] = [line.slice(0, at), line.slice(at + 2)];
    if (key === 'Bump-Id')
      blocks.push({ bumpId: value, ids: [], values: [], sourceRepository: '', sourceRevision: '', reverts: '' });
    const block = blocks.at(-1);
    if (block === undefined) continue;
    if (key === 'Bump-Target') block.ids.push(readId(value));
    else if (key === 'Image-Ref') block.values.push({ kind: 'image', value });
    else if (key === 'Bump-Value') block.values.push({ kind: 'scalar', value: readJson(value) });
    else if (key === 'Source-Repository') block.sourceRepository = value;
    else if (key === 'Source-Revision') block.sourceRevision = value;
    else if (key === 'Reverts') block.reverts = HEX.test(value) ? value : '';
  }
  return blocks
    .filter((b) => UUID.test(b.bumpId) && (b.sourceRevision === '' || HEX.test(b.sourceRevision)))
    .map(({ ids, values, ...rest }) => ({
      ...rest,
      targets: ids.map((id, i) => ({ id, ...(values[i] ?? { kind: 'scalar', value: '' }) })),
    }));
}

interface Draft extends Omit<BumpBlock, 'targets'> {
  ids: string[];
  values: { kind: 'image' | 'scalar'; value: string }[];
}

// Ids and values come back exactly as they were: the order guard compares them with what the file says.
const code = (c: string): string => c.charCodeAt(0).toString(16);

/** A path has a backslash only before one of `.`, `[`, `]` and itself: `\u{…}` is nobody else's. */
function writeId(id: string): string {
  return id.replace(UNSEEN, (c) => `\\u{${code(c)}}`);
}

function readId(text: string): string {
  return text.replace(/\\(?:u\{([0-9a-f]{1,4})\}|.)/g, (all, hex?: string) =>
    hex === undefined ? all : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function writeJson(value: string): string {
  const bounded = value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
  const escaped = (c: string): string => `\\u${code(c).padStart(4, '0')}`;
  return JSON.stringify(bounded)
    .replace(UNSEEN, escaped)
    .replace(WORKFLOW_WORD, (word) => `${escaped('[')}${word.slice(1)}`);
}

function readJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

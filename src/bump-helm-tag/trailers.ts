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

/** `[skip ci]` and its kin in a tag or branch name would switch off the workflows of the config repository. */
export function defuse(text: string): string {
  return text.replace(/\[(skip ci|ci skip|no ci|skip actions|actions skip)\]/gi, '($1)');
}

/** The lines of one block; every value is one line. */
export function renderBlock(block: BlockToWrite): string {
  const lines = [`Bump-Id: ${block.bumpId}`];
  for (const { id, kind, value } of block.targets) {
    // A trailer must not be empty: an image that was nowhere before is the empty text.
    const ref = kind === 'image' && value !== '' ? `Image-Ref: ${oneLine(value)}` : undefined;
    lines.push(`Bump-Target: ${oneLine(id)}`, ref ?? `Bump-Value: ${JSON.stringify(oneLine(value))}`);
  }
  const add = (key: string, value: string): void => {
    if (value.trim() !== '') lines.push(`${key}: ${defuse(oneLine(value, 500))}`);
  };
  add('Source-Repository', block.sourceRepository);
  add('Source-Revision', block.sourceRevision);
  add('Source-Ref', block.sourceRef);
  add('Workflow-Run', block.workflowRun);
  add('Downgrade-Reason', block.downgradeReason);
  add('Reverts', block.reverts);
  return [...lines, ...block.user.map((line) => defuse(oneLine(line, 500)))].join('\n');
}

/**
 * The blocks of a commit message: its last paragraph, when every line of it is a trailer. Unknown keys are skipped; a block
 * without a proper id, or with a malformed revision, is none.
 */
export function parseBlocks(message: string): BumpBlock[] {
  const paragraph =
    message
      .replace(/\s+$/, '')
      .split(/\n[ \t]*\n/)
      .at(-1) ?? '';
  const lines = paragraph.split('\n');
  if (lines.length === message.replace(/\s+$/, '').split('\n').length) return [];
  if (!lines.every((line) => /^[A-Za-z][A-Za-z0-9-]*: .+$/.test(line))) return [];
  const blocks: Draft[] = [];
  for (const line of lines) {
    const at = line.indexOf(': ');
    const [key, value] = [line.slice(0, at), line.slice(at + 2)];
    if (key === 'Bump-Id')
      blocks.push({ bumpId: value, ids: [], values: [], sourceRepository: '', sourceRevision: '', reverts: '' });
    const block = blocks.at(-1);
    if (block === undefined) continue;
    if (key === 'Bump-Target') block.ids.push(value);
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

function readJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

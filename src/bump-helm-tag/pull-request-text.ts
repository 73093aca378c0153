/** Names and words of a proposal. Pure. */
import { createHash } from 'node:crypto';
import { manyLines, markdown, oneLine } from '../text/index.ts';
import { parseBlocks } from './trailers.ts';

/** GitHub takes 65,536 characters. */
const MAX_BODY = 60_000;

/** The branch of a set of targets: the same targets always meet on the same branch, whatever their order. */
export function proposalBranch(branch: string, targets: readonly string[]): string {
  const ids = [...targets].sort().join('\n');
  return `bump/${branch}/${createHash('sha256').update(ids).digest('hex').slice(0, 10)}`;
}

/** Where the commit is made before the branch of the proposal moves to it, in one step. Of one run alone. */
export function scratchBranch(bumpId: string): string {
  return `bump/scratch/${bumpId}`;
}

/** @param message of the proposed commit */
export function titleOf(message: string): string {
  return oneLine(message.split('\n')[0] ?? '', 200);
}

/** What follows the headline: it goes into a squash commit as it is. */
export function restOf(message: string): string {
  return message.split('\n').slice(1).join('\n').trim();
}

/**
 * The body of the pull request: the diff, and the trailers as its last paragraph, so that a squash merge that takes this
 * text keeps them. The trailers must stay as they are, and yet no text in them may mention anybody: the fence in front of
 * them is left open, which lasts to the end of the text.
 */
export function bodyOf(message: string, diff: string): string {
  const trailers = trailersOf(message);
  const tail =
    trailers === ''
      ? ''
      : `\nThe lines below are the record of this change. Keep them last in a squash commit.\n\n${'```'}text\n\n${trailers}`;
  // Trailers that leave no room for anything else stand in the commit.
  if (tail.length > MAX_BODY - 1000)
    return 'The trailers and the diff are those of the commit: too long to be repeated here.';
  return `${fenced(diff, MAX_BODY - tail.length)}${tail}`;
}

/** True when a body or a message holds the trailers of this commit. */
export function tells(text: string, message: string): boolean {
  const trailers = trailersOf(message);
  return trailers !== '' && text.replaceAll('\r\n', '\n').trimEnd().endsWith(trailers);
}

function trailersOf(message: string): string {
  if (parseBlocks(message).length === 0) return '';
  return (
    message
      .trimEnd()
      .split(/\n[ \t]*\n/)
      .at(-1) ?? ''
  );
}

function fenced(diff: string, room: number): string {
  const text = manyLines(diff.replace(/\n$/, ''));
  const whole = markdown.fence(text, 'diff');
  if (whole.length <= room) return whole;
  // Runs of backticks make the fence longer: what is left over is more than enough for them.
  const cut = text.slice(0, Math.max(0, room - (whole.length - text.length) - 100));
  const lines = cut.slice(0, cut.lastIndexOf('\n') + 1);
  return `${lines === '' ? '' : markdown.fence(lines, 'diff')}\nThe rest of the diff is in the commit: too long to be repeated here.\n`;
}

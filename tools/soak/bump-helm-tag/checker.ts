/**
 * The proof of a round: from the final log of the branch and from what each writer said at its end, nothing else. It knows
 * no engine, no transport and no YAML: what a commit must have made of a file is said by the layout's marks.
 */
import { lineOf, type RoundPlan, readHandEdit, type WantedLine, type WriterPlan, withLine } from './layouts.ts';

export interface SeenCommit {
  oid: string;
  parents: readonly string[];
  message: string;
  files: Readonly<Record<string, string>>;
}

/** How a writer ended, as a job sees it. */
export interface End {
  bumpId: string;
  /** Exit code. */
  code: number;
  outputs: Readonly<Record<string, string>>;
  /** Of a red run: its one message. */
  message: string;
  /** Write requests that the host has counted; undefined when nobody has. */
  sent?: number | undefined;
}

/**
 * lost: a value that was reported as written is not there, or was taken back by a commit that did not mean it;
 * doubled: one bump stands on the branch twice; disorder: an older build over a newer one; bytes: anything else changed
 * than the named scalars, or the history is no line; untrue: a writer's own end does not say what is so.
 */
export type Kind = 'lost' | 'doubled' | 'disorder' | 'bytes' | 'untrue';
export interface Violation {
  kind: Kind;
  text: string;
}

/** @param commits from the oldest to the newest; the first one holds the files of the plan @param ends in the order of the writers */
export function check(plan: RoundPlan, commits: readonly SeenCommit[], ends: readonly End[]): Violation[] {
  const found: Violation[] = [];
  const say = (kind: Kind, text: string): void => {
    found.push({ kind, text });
  };
  const landed = new Map<string, number>();
  const owner = new Map<string, WriterPlan>();
  const expected = new Map<string, string>();

  for (const [n, commit] of commits.entries()) {
    const parent = commits[n - 1];
    if (parent === undefined) continue;
    const name = `commit ${n} (${commit.oid.slice(0, 7)})`;
    if (commit.parents.length !== 1 || commit.parents[0] !== parent.oid)
      say('bytes', `${name} does not follow its forerunner`);
    const ids = [...commit.message.matchAll(/^Bump-Id: (.+)$/gm)].map((m) => m[1] ?? '');
    const i = ends.findIndex((end) => end.bumpId === ids[0]);
    const writer = plan.writers[i];
    const human = readHandEdit(commit.message);
    if (ids.length > 1 || (writer === undefined && human === undefined)) {
      say('untrue', `${name} is of nobody known: ${ids.join(' ')}`);
      continue;
    }
    if (writer !== undefined) {
      if (landed.has(ids[0] ?? '')) say('doubled', `bump ${i} stands in commits ${landed.get(ids[0] ?? '')} and ${n}`);
      landed.set(ids[0] ?? '', n);
    }
    const lines = writer?.lines ?? (human === undefined ? [] : [human]);
    compare(parent, commit, lines, name, say);
    for (const line of lines) expected.set(`${line.file} ${line.mark}`, line.text);
    // What was set by hand is nobody's: any build may come after it.
    if (human !== undefined)
      for (const { lines: own, targets } of plan.writers)
        if (own.some((l) => l.file === human.file && l.mark === human.mark)) for (const id of targets) owner.delete(id);
    for (const id of writer?.targets ?? []) {
      const before = owner.get(id);
      if (writer !== undefined && before !== undefined && before.age > writer.age)
        say('disorder', `${name} puts build ${writer.age} over build ${before.age} of ${id}`);
      if (writer !== undefined) owner.set(id, writer);
    }
  }
  const last = commits.at(-1);
  for (const [key, text] of expected) {
    const [file = '', ...mark] = key.split(' ');
    const now = lineOf(last?.files[file] ?? '', mark.join(' '));
    if (now !== text) say('lost', `${key} ends as ${now}, its last commit wrote ${text}`);
  }
  for (const [i, end] of ends.entries())
    checkEnd(plan, commits, plan.writers[i] as WriterPlan, end, landed.get(end.bumpId), (kind, text) =>
      say(kind, `writer ${i}: ${text}`),
    );
  return found;
}

type Say = (kind: Kind, text: string) => void;

// What a commit made of every file, byte by byte. A difference in somebody else's line is an update that was lost.
function compare(parent: SeenCommit, commit: SeenCommit, lines: readonly WantedLine[], name: string, say: Say): void {
  for (const file of new Set([...Object.keys(parent.files), ...Object.keys(commit.files)])) {
    const before = parent.files[file];
    const after = commit.files[file];
    const wanted = lines
      .filter((l) => l.file === file)
      .reduce((text, l) => withLine(text, l.mark, l.text), before ?? '');
    if (after === wanted) continue;
    const marks = [...wanted.matchAll(/# (.+)$/gm)].map((m) => m[1] ?? '');
    const others = marks.filter((m) => lineOf(after ?? '', m) !== lineOf(wanted, m));
    const meant = others.filter((m) => lines.some((l) => l.mark === m));
    if (others.length > meant.length)
      say('lost', `${name} undoes ${others.filter((m) => !meant.includes(m)).join(', ')}`);
    else if (meant.length > 0) say('untrue', `${name} does not write what it names: ${meant.join(', ')}`);
    else say('bytes', `${name} changes other bytes of ${file}`);
  }
}

function checkEnd(
  plan: RoundPlan,
  commits: readonly SeenCommit[],
  writer: WriterPlan,
  end: End,
  at: number | undefined,
  say: Say,
): void {
  const { outputs } = end;
  if (end.code !== 0) {
    checkRed(commits, end, at, say);
    return;
  }
  if (end.sent !== undefined && Number(outputs.attempts) !== end.sent)
    say('untrue', `it counts ${outputs.attempts} writes, the host ${end.sent}`);
  const base = commits.findIndex((c) => c.oid === outputs['base-sha']);
  if (base < 0) say('untrue', `its base ${outputs['base-sha']} is no commit of the branch`);
  const files = commits[base]?.files ?? {};
  const stands = writer.lines.every((l) => lineOf(files[l.file] ?? '', l.mark) === l.text);
  if ((outputs.result === 'committed') !== (outputs.changed === 'true'))
    say('untrue', `${outputs.result} with changed ${outputs.changed}`);
  switch (outputs.result) {
    case 'committed': {
      if (at === undefined) {
        say('lost', 'committed, and nothing of it is on the branch');
        return;
      }
      const commit = commits[at];
      if (commit?.oid !== outputs['commit-sha'])
        say('untrue', `its commit is ${commit?.oid}, not ${outputs['commit-sha']}`);
      if (base !== at - 1) say('untrue', `its base is commit ${base}, the parent of its commit is ${at - 1}`);
      if (!outputs.diff?.includes('\n+')) say('untrue', 'it shows no diff of what it wrote');
      return;
    }
    case 'unchanged': {
      if (at !== undefined) say('untrue', `unchanged, but commit ${at} is its own`);
      if (!stands) say('untrue', 'unchanged, but its value did not stand there');
      const named = commits.findIndex((c) => c.oid === outputs['commit-sha']);
      if (named < 0 || named > base) say('untrue', `${outputs['commit-sha']} cannot have set its value`);
      return;
    }
    case 'superseded': {
      if (at !== undefined) say('untrue', `superseded, but commit ${at} is its own`);
      const by = plan.history.indexOf(outputs['superseded-by'] ?? '');
      if (by <= writer.age) say('disorder', `superseded by build ${by}, which is not newer than ${writer.age}`);
      if (!ownersAt(plan, files, writer).includes(by))
        say('untrue', `superseded by build ${by}, which did not stand there`);
      return;
    }
    default:
      say('untrue', `it ended green with "${outputs.result}"`);
  }
}

// The ages of the builds whose values stand at the writer's lines.
function ownersAt(plan: RoundPlan, files: Readonly<Record<string, string>>, writer: WriterPlan): number[] {
  return plan.writers
    .filter((w) => w.targets.some((t) => writer.targets.includes(t)))
    .filter((w) => w.lines.every((l) => lineOf(files[l.file] ?? '', l.mark) === l.text))
    .map((w) => w.age);
}

// A red run owes the truth: exactly one of "nothing was written", "written as", "unknown".
function checkRed(commits: readonly SeenCommit[], end: End, at: number | undefined, say: Say): void {
  const { message } = end;
  const oid = /was written as ([0-9a-f]{7,40})/i.exec(message)?.[1];
  const claims = [
    ...(/nothing was written/i.test(message) ? ['nothing'] : []),
    ...(oid === undefined ? [] : ['written']),
    ...(/may still land|is unknown|E_OUTCOME_UNKNOWN/.test(message) ? ['unknown'] : []),
  ];
  // A run that was refused before it sent anything need not say so.
  if (claims.length > 1 || (claims.length === 0 && (end.sent ?? 0) > 0))
    say('untrue', `red, and it says ${claims.join(' and ') || 'nothing of its write'}: ${message}`);
  if (claims.length === 0 && at !== undefined) say('untrue', `it says nothing of its commit ${at}: ${message}`);
  if (claims.includes('nothing') && at !== undefined)
    say('untrue', `it says that nothing was written, and commit ${at} is its own`);
  if (oid !== undefined && (at === undefined || !commits[at]?.oid.startsWith(oid)))
    say('untrue', `it says that it was written as ${oid}`);
}

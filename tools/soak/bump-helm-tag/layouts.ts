/**
 * What the writers of a round want, in which files. Every line that is written ends in a comment of its own, so that the
 * checker can say with one regular expression what a commit must have made of it - without any code of the engine.
 */

export interface WantedLine {
  file: string;
  /** Comment at the end of the line. */
  mark: string;
  /** The value as it must stand in the file, quotes included. */
  text: string;
}

export interface WriterPlan {
  /** Inputs of the action. */
  inputs: Readonly<Record<string, string>>;
  /** Ids of its targets, `<file>#<document>#<path>`. */
  targets: readonly string[];
  lines: readonly WantedLine[];
  /** Full commit that was built; builds of one target stand in a line by `age`. */
  revision: string;
  age: number;
}

export interface RoundPlan {
  files: Readonly<Record<string, string>>;
  writers: readonly WriterPlan[];
  /** Revisions from the oldest to the newest. */
  history: readonly string[];
  /** Lines that people set back by hand, when the log tells who owns them. */
  byHand: readonly Omit<WantedLine, 'text'>[];
}

export interface Layout {
  name: string;
  plan(writers: number, random: () => number): RoundPlan;
}

const REVISIONS = 8;
const revision = (age: number): string => `${age.toString(16).padStart(2, '0')}`.repeat(20);
const history = Array.from({ length: REVISIONS }, (_, age) => revision(age));
const HUMAN = 'note: n0 # by hand\n';

/** The line that people edit meanwhile, in the first file. */
const HUMAN_MARK = 'by hand';

function scalar(file: string, path: string, mark: string, i: number, age: number): WriterPlan {
  const value = `w${i}-r${age}`;
  return {
    inputs: { updates: `- {file: ${file}, path: ${path}, value: ${value}}`, 'source-revision': revision(age) },
    targets: [`${file}#0#${path}`],
    lines: [{ file, mark, text: value }],
    revision: revision(age),
    age,
  };
}

function imageMap(name: string, indent: string, filler: string): string {
  return [
    `${name}: # of ${name}`,
    `${indent}repository: ghcr.io/org/${name}`,
    `${indent}tag: ""   # tag of ${name}`,
    `${indent}digest: '' # digest of ${name}`,
    `${indent}revision: # revision of ${name}`,
    filler,
  ].join('\n');
}

function image(file: string, name: string, i: number, age: number): WriterPlan {
  const tag = `b${i}-${age}`;
  const digest = `sha256:${(i * REVISIONS + age).toString(16).padStart(64, '0')}`;
  return {
    inputs: {
      updates: `- {file: ${file}, image: ${name}}`,
      image: `ghcr.io/org/${name}`,
      tag,
      digest,
      'source-revision': revision(age),
    },
    targets: [`${file}#0#${name}`],
    lines: [
      { file, mark: `tag of ${name}`, text: `"${tag}"` },
      { file, mark: `digest of ${name}`, text: `'${digest}'` },
      { file, mark: `revision of ${name}`, text: revisionText(age) },
    ],
    revision: revision(age),
    age,
  };
}

// All digits would be a number: that one gets quotes.
function revisionText(age: number): string {
  return /^[0-9]+(e[0-9]+)?$/.test(revision(age)) ? `"${revision(age)}"` : revision(age);
}

const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const marks = (file: string, count: number): { file: string; mark: string }[] =>
  each(count, (i) => ({ file, mark: `of writer ${i}` }));
const lots = (random: () => number): number => Math.floor(random() * REVISIONS);

/** Builds of one target come in a row of four; who starts first is up to the round. */
const BUILDS = 4;

export const LAYOUTS: readonly Layout[] = [
  {
    name: 'flat file',
    plan: (n, random) => ({
      files: { 'v.yaml': HUMAN + each(n, (i) => `key${i}: v0 # of writer ${i}\n`).join('') },
      writers: each(n, (i) => scalar('v.yaml', `key${i}`, `of writer ${i}`, i, lots(random))),
      history,
      byHand: marks('v.yaml', n),
    }),
  },
  {
    name: 'file per service',
    plan: (n, random) => ({
      files: Object.fromEntries([
        ['a.yaml', HUMAN],
        ...each(n, (i) => [`envs/dev/s${i}/values.yaml`, `${imageMap('image', '  ', '')}other: x\n`]),
      ]),
      writers: each(n, (i) => image(`envs/dev/s${i}/values.yaml`, 'image', i, lots(random))),
      history,
      byHand: [],
    }),
  },
  {
    name: 'maps far apart',
    plan: (n, random) => ({
      files: {
        'v.yaml':
          HUMAN +
          each(n, (i) => imageMap(`s${i}`, '    ', each(4, (k) => `    f${k}: "x"  # filler\n`).join(''))).join(''),
      },
      writers: each(n, (i) => image('v.yaml', `s${i}`, i, lots(random))),
      history,
      byHand: [],
    }),
  },
  {
    // The file itself records the owner.
    name: 'builds, by revision key',
    plan: (n) => ({
      files: { 'v.yaml': HUMAN + each(Math.ceil(n / BUILDS), (i) => imageMap(`s${i}`, '  ', '')).join('') },
      writers: each(n, (i) => image('v.yaml', `s${Math.floor(i / BUILDS)}`, Math.floor(i / BUILDS), i % BUILDS)),
      history,
      byHand: [],
    }),
  },
  {
    // The log records the owner.
    name: 'builds, by the log',
    plan: (n) => ({
      files: { 'v.yaml': HUMAN + each(Math.ceil(n / BUILDS), (i) => `key${i}: v0 # of writer ${i}\n`).join('') },
      writers: each(n, (i) => {
        const t = Math.floor(i / BUILDS);
        return scalar('v.yaml', `key${t}`, `of writer ${t}`, t, i % BUILDS);
      }),
      history,
      byHand: marks('v.yaml', Math.ceil(n / BUILDS)),
    }),
  },
];

/** What somebody edits by hand; the message of the commit says it to the checker. */
export function handEdit(plan: RoundPlan, n: number, random: () => number): { line: WantedLine; message: string } {
  const note = { file: Object.keys(plan.files)[0] ?? '', mark: HUMAN_MARK };
  const { file, mark } = (random() < 0.5 ? plan.byHand[Math.floor(random() * plan.byHand.length)] : undefined) ?? note;
  const line = { file, mark, text: `n${n}` };
  return { line, message: `by hand: ${JSON.stringify(line)}` };
}

export function readHandEdit(message: string): WantedLine | undefined {
  const text = /^by hand: (.*)/.exec(message)?.[1];
  return text === undefined ? undefined : (JSON.parse(text) as WantedLine);
}

/** A line's value as it stands in a text, '' when it is empty; undefined when the line is not there. */
export function lineOf(text: string, mark: string): string | undefined {
  const found = lineWith(mark).exec(text);
  return found === null ? undefined : (found[2] ?? '');
}

/** The text with that one value replaced. */
export function withLine(text: string, mark: string, value: string): string {
  return text.replace(
    lineWith(mark),
    (_all, key: string, _old: string | undefined, after: string) => `${key} ${value}${after}`,
  );
}

function lineWith(mark: string): RegExp {
  return new RegExp(`^( *\\w+:)(?: (\\S+))?( +# ${mark})$`, 'm');
}

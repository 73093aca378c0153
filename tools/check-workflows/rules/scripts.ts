/** W03, W11 and W16: values and scripts. */
import { lineOf } from '../model.ts';
import { type Found, type Rule, scriptsOf, stepsOf, textLine } from '../rule.ts';
import { type Command, commandsOf, hasValue } from '../shell.ts';

/** Values reach a shell through `env:` only: an expression inside `run:` is code injection. */
export const w03: Rule = (file) =>
  stepsOf(file).flatMap(({ job, step }) =>
    [step.run, step.with?.script]
      .filter((text): text is string => typeof text === 'string' && text.includes('${{'))
      .map(() => ({
        rule: 'W03',
        line: lineOf(file.text, /\$\{\{/),
        message: `job ${job}: an expression inside a script; pass it through env`,
      })),
  );

// Set by the runner, none of them by what is checked out or sent.
const TRUSTED =
  /\$\{?(RUNNER_(TOOL_CACHE|TEMP|WORKSPACE|OS|ARCH)|GITHUB_(WORKSPACE|ACTION_PATH|ENV|PATH|RUN_ID|SHA)|HOME)\}?(?!\w)/g;

// What these take as a name may be read as an option, unless `--` stands before it.
const PARSES_OPTIONS =
  /^(git|gh|rm|cp|mv|cat|tar|curl|wget|docker|buildah|helm|kubectl|npm|pip|ln|mkdir|touch|grep|sed)$/;

/** No shell text out of values; a value that stands alone as an argument has `--` before it. */
export const w11: Rule = (file) =>
  scriptsOf(file).flatMap(({ job, script }) =>
    commandsOf(script).flatMap((command): Found[] => {
      const message = shellText(command) ?? optionLike(command);
      return message === undefined
        ? []
        : [
            {
              rule: 'W11',
              line: textLine(file, command[0] ?? ''),
              message: `job ${job}: ${command.join(' ')}: ${message}`,
            },
          ];
    }),
  );

function shellText(command: Command): string | undefined {
  const name = command[0] ?? '';
  if (name === 'eval' || hasValue(name.replace(/^"\$[A-Z_]+"\/[\w./-]+$/, ''))) return 'runs a value as shell text';
  const script = /^(ba|da|z|k)?sh$|^(python3?|node|perl|ruby)$/.test(name)
    ? command[command.findIndex((word) => /^-\w*[ce]$/.test(word)) + 1 || command.length]
    : undefined;
  return script !== undefined && hasValue(script)
    ? 'builds a script from values; pass them as arguments or through env'
    : undefined;
}

function optionLike(command: Command): string | undefined {
  if (!PARSES_OPTIONS.test(command[0] ?? '')) return undefined;
  const takesValues = !/^(rm|cp|mv|cat|ln|mkdir|touch)$/.test(command[0] ?? '');
  const end = command.indexOf('--');
  const found = command.slice(0, end < 0 ? undefined : end).find((word, i) => {
    const before = command[i - 1] ?? '';
    // The value of an option is none itself, where options take values, and a redirection is the shell's.
    return (
      i > 0 &&
      hasValue(word.replace(TRUSTED, '')) &&
      /^["']?\$/.test(word) &&
      !(takesValues && /^--?[\w-]+$/.test(before)) &&
      !/[<>]$/.test(before)
    );
  });
  return found === undefined ? undefined : `${found} may be read as an option; write -- before it`;
}

/** What is written to GITHUB_ENV or GITHUB_PATH acts in every later step: literals and the runner's own folders only. */
export const w16: Rule = (file) =>
  scriptsOf(file).flatMap(({ job, script }) =>
    script
      .split('\n')
      .filter((line) => /GITHUB_(ENV|PATH)\b/.test(line.replace(/#.*$/, '')))
      .filter((line) => !/>>\s*"?\$\{?GITHUB_(ENV|PATH)\}?"?\s*$/.test(line) || hasValue(line.replace(TRUSTED, '')))
      .map((line) => ({
        rule: 'W16',
        line: textLine(file, line),
        message: `job ${job}: a value reaches GITHUB_ENV or GITHUB_PATH; use an output`,
      })),
  );

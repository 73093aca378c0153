/** W11 and W16 over our own sources: what a shell, or the environment of later steps, would get. */
import { lineOf, type Problem } from './model.ts';

const RULES: readonly { rule: string; pattern: RegExp; message: string }[] = [
  {
    rule: 'W11',
    pattern: /\bshell:\s*(true|['"`])/,
    message: 'a child process through a shell; pass an argument array',
  },
  {
    rule: 'W11',
    pattern: /\bexecSync\(|\bchild_process['"]\)?\.exec\(/,
    message: 'exec takes shell text; use systemExec',
  },
  {
    rule: 'W11',
    pattern: /import\s*\{[^}]*\bexec\b[^}]*\}\s*from\s*['"](node:)?child_process/,
    message: 'exec takes shell text; use systemExec',
  },
  {
    rule: 'W11',
    pattern: /['"`](ba|da)?sh['"`][^;]{0,80}['"]-\w*c['"],\s*(`[^`]*\$\{|['"][^'"]*['"]\s*\+)/,
    message: 'a script out of values; pass them as arguments behind it',
  },
  {
    rule: 'W16',
    pattern: /\b(exportVariable|addPath)\(|process\.env\.GITHUB_(ENV|PATH)\b/,
    message: 'an action of the suite changes no later step; use an output',
  },
];

/** Reads one TypeScript file; comments do not count. */
export function checkSource(name: string, text: string): Problem[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
  return RULES.filter(({ pattern }) => pattern.test(code)).map(({ rule, pattern, message }) => ({
    rule,
    file: name,
    line: lineOf(code, pattern),
    message,
  }));
}

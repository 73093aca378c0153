// Stand-in for actions/setup-python: nothing is downloaded; the one Python of the lab is put on PATH.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addPath, exportVariable, flag, input, main, notice, output } from '../kit/io.mjs';

await main(async () => {
  const python = process.env.LAB_PYTHON ?? '';
  if (python === '') throw new Error('LAB_PYTHON is not set: give the runner the path of a Python interpreter in env');
  const asked = spawnSync(python, ['-c', 'import platform; print(platform.python_version())'], { encoding: 'utf8' });
  const version = asked.stdout?.trim() ?? '';
  if (asked.status !== 0 || version === '') {
    throw new Error(`LAB_PYTHON ${python} does not run: ${asked.error?.message ?? asked.stderr.trim()}`);
  }
  const wanted = input('python-version');
  if (wanted !== '' && version !== wanted && !version.startsWith(`${wanted}.`)) {
    notice(`lab: Python ${version} is used instead of ${wanted}`);
  }
  if (flag('update-environment', true)) {
    addPath(folderWithPython(python));
    exportVariable('pythonLocation', dirname(dirname(python)));
  }
  output('python-version', version);
  output('python-path', python);
  output('cache-hit', 'false');
});

/** A folder in which `python` and `python3` are that interpreter. A link would lose a virtual environment, a script does not. */
function folderWithPython(python) {
  const own = dirname(python);
  if (existsSync(join(own, 'python')) && existsSync(join(own, '..', 'pyvenv.cfg'))) return own;
  const folder = join(process.env.RUNNER_TEMP, 'lab-python');
  mkdirSync(folder, { recursive: true });
  for (const name of ['python', 'python3']) {
    writeFileSync(join(folder, name), `#!/bin/sh\nexec '${python.replaceAll("'", "'\\''")}' "$@"\n`, { mode: 0o755 });
  }
  return folder;
}

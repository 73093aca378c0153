import { openHttp } from '../http/index.ts';
import { Deadline, runMain, systemClock } from '../runner/index.ts';
import { parsePlanInputs } from './inputs.ts';
import { run } from './run.ts';
import { readValuesFile } from './values-file.ts';

await runMain('plan-delivery', async (frame) => {
  const inputs = parsePlanInputs(frame.env);
  frame.log.mask(inputs.token);
  const http = openHttp();
  using deadline = new Deadline(inputs.timeout, systemClock, frame.signal);
  try {
    const { outputs, summary } = await run(inputs, {
      log: frame.log,
      read: ({ apiUrl, repository, branch, file, token }) =>
        readValuesFile(
          { apiUrl, repository, branch, path: file, token },
          { http, clock: systemClock, random: Math.random, deadline },
        ),
    });
    frame.summary(summary);
    frame.outputs(outputs);
  } finally {
    await http.close();
  }
});

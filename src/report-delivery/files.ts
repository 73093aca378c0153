/** The records of a delivery's stages on disk: `stage.json` and `verdict.json`, in a folder a stage. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StageResult, verdictFile } from './result.ts';
import { type StageRecord, stageRecord } from './stage.ts';

/** Writes stage.json whole or not at all. */
export async function writeStage(dir: string, record: StageRecord): Promise<void> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'stage.json');
  await writeFile(`${path}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
}

/**
 * Reads what the stages left, in order. A folder without a readable stage.json is a stage that was lost before its handoff:
 * it has no record. A missing folder is an empty list. A single artifact is downloaded without a folder of its own.
 */
export async function readStages(dir: string): Promise<StageResult[]> {
  const names = dir === '' ? [] : ['.', ...(await readdir(dir).catch(() => []))];
  const stages: StageResult[] = [];
  for (const name of names) {
    const record = stageRecord.safeParse(await readJson(join(dir, name, 'stage.json')));
    if (!record.success) continue;
    const verdict = verdictFile.safeParse(await readJson(join(dir, name, 'verdict.json')));
    stages.push({ record: record.data, verdict: verdict.success ? verdict.data : undefined });
  }
  return stages.sort((a, b) => a.record.index - b.record.index);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startOsv } from '../../../lab/osv/server.ts';

const record = (id: string, name: string): { id: string } =>
  ({
    id,
    modified: '2026-01-01T00:00:00Z',
    affected: [
      {
        package: { ecosystem: 'PyPI', name },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
      },
    ],
  }) as { id: string };
const ask = async (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', body: JSON.stringify(body) });

test('records of a folder are asked by package, version and id; pages and the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'osv-'));
  try {
    for (const id of ['A-1', 'A-2']) writeFileSync(join(folder, `${id}.json`), JSON.stringify(record(id, 'Pkg')));
    await using osv = await startOsv({ directory: folder, pageSize: 1 });
    const query = { package: { name: 'pkg', ecosystem: 'PyPI' }, version: '1.0' };
    const first = (await (await ask(`${osv.url}/v1/query`, query)).json()) as {
      vulns: { id: string }[];
      next_page_token: string;
    };
    expect([first.vulns.map((v) => v.id), first.next_page_token]).toEqual([['A-1'], '1']);
    const rest = await (await ask(`${osv.url}/v1/query`, { ...query, page_token: '1' })).json();
    expect(rest).toEqual({ vulns: [expect.objectContaining({ id: 'A-2' })] });
    const batch = await (
      await ask(`${osv.url}/v1/querybatch`, { queries: [{ ...query, version: '2.0' }, query] })
    ).json();
    expect(batch).toEqual({
      results: [{}, { vulns: [{ id: 'A-1', modified: '2026-01-01T00:00:00Z' }], next_page_token: '1' }],
    });
    expect((await fetch(`${osv.url}/v1/vulns/A-2`)).status).toBe(200);
    expect((await fetch(`${osv.url}/v1/vulns/A-3`)).status).toBe(404);
    expect((await fetch(`${osv.url}/v1/query`, { method: 'POST', body: 'x' })).status).toBe(400);
    expect(osv.requests()).toHaveLength(6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('faults strike as often as they say, after what they let through', async () => {
  await using osv = await startOsv();
  const undo = osv.fault({ status: 503, skip: 1, times: 1 });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await ask(`${osv.url}/v1/query`, {})).status);
  undo();
  expect(statuses).toEqual([200, 503, 200]);
  osv.fault({ reset: true });
  await expect(ask(`${osv.url}/v1/query`, {})).rejects.toThrow();
});

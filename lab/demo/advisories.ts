/** What the lab's OSV server knows: facts of one real advisory, so that a vulnerable pin turns the gate red. */
export const ADVISORIES = [
  {
    schema_version: '1.6.0',
    id: 'GHSA-5h86-8mv2-jq9f',
    modified: '2024-09-01T00:00:00Z',
    published: '2024-01-29T22:31:00Z',
    aliases: ['CVE-2024-23334'],
    summary: 'aiohttp: directory traversal when following symbolic links',
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N' }],
    affected: [
      {
        package: { ecosystem: 'PyPI', name: 'aiohttp' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '1.0.5' }, { fixed: '3.9.2' }] }],
      },
    ],
    database_specific: { severity: 'HIGH' },
  },
];

/** Pages about a vulnerability. Three sites only, and only for ids of a plain form. */

export interface Site {
  name: string;
  url: string;
}

export function siteOf(id: string): Site | undefined {
  if (!/^[A-Z]+-[A-Za-z0-9:-]{1,60}$/.test(id)) return undefined;
  if (id.startsWith('CVE-')) return { name: 'NVD', url: `https://nvd.nist.gov/vuln/detail/${id}` };
  if (id.startsWith('GHSA-')) return { name: 'GitHub Advisories', url: `https://github.com/advisories/${id}` };
  return { name: 'OSV', url: `https://osv.dev/vulnerability/${id}` };
}

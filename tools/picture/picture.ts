/** The drawing of ARCHITECTURE.md as one SVG that follows the reader's light or dark theme. Pure. */
import { html } from '../../src/text/index.ts';

interface Box {
  x: number;
  y: number;
  w: number;
  title: string;
  lines: readonly string[];
  kind: 'repo' | 'job' | 'world';
}

const H = 74;

const BOXES: readonly Box[] = [
  { x: 20, y: 60, w: 150, title: 'service repository', lines: ['code, Dockerfile,', '.canary.yaml'], kind: 'repo' },
  { x: 220, y: 60, w: 150, title: 'test-python.yml', lines: ['flake8, pytest,', 'scan-deps'], kind: 'job' },
  { x: 420, y: 60, w: 150, title: 'build-image', lines: ['source key, engine,', 'proof of the digest'], kind: 'job' },
  { x: 620, y: 60, w: 150, title: 'bump-helm-tag', lines: ['one commit a stage,', 'guarded by only-if'], kind: 'job' },
  {
    x: 820,
    y: 60,
    w: 150,
    title: 'verify-canary',
    lines: ['stable beside canary,', 'one verdict a stage'],
    kind: 'job',
  },
  { x: 420, y: 230, w: 150, title: 'OCI registry', lines: ['image@sha256:…,', 'src-, sha- tags'], kind: 'world' },
  {
    x: 620,
    y: 230,
    w: 150,
    title: 'config repository',
    lines: ['chart, values.yaml,', 'handoff commits'],
    kind: 'repo',
  },
  { x: 820, y: 230, w: 150, title: 'Prometheus', lines: ['requests, errors,', 'latency, CPU'], kind: 'world' },
  {
    x: 620,
    y: 380,
    w: 350,
    title: 'cluster: Argo CD pulls, renders, syncs',
    lines: ['stable pods 95 %', 'canary pods 5 % -> 100 %'],
    kind: 'world',
  },
];

const ARROWS: readonly { d: string; label: string; x: number; y: number; back?: boolean }[] = [
  { d: 'M170 97 H218', label: 'push', x: 194, y: 88 },
  { d: 'M370 97 H418', label: 'green', x: 394, y: 88 },
  { d: 'M570 97 H618', label: 'digest', x: 594, y: 88 },
  { d: 'M770 97 H818', label: 'weight', x: 794, y: 88 },
  { d: 'M495 134 V228', label: 'push, read back', x: 544, y: 186 },
  { d: 'M695 134 V228', label: 'commit', x: 720, y: 186 },
  { d: 'M895 228 V136', label: 'query', x: 915, y: 186 },
  { d: 'M695 378 V306', label: 'Argo CD polls', x: 738, y: 346 },
  { d: 'M895 306 V378', label: 'scrape', x: 918, y: 346 },
  { d: 'M618 420 H495 V306', label: 'pull by digest', x: 545, y: 412 },
  { d: 'M880 60 V30 H710 V58', label: 'fail: one revert commit', x: 795, y: 24, back: true },
];

const STYLE = `
svg{font:13px system-ui,sans-serif}
.repo rect{fill:#eef4ff;stroke:#3b6fd4}.job rect{fill:#eefaf0;stroke:#2f8a4c}.world rect{fill:#fff6e8;stroke:#b7791f}
text{fill:#1f2328}.title{font-weight:600}.label{font-size:11px;fill:#57606a}
.arrow{fill:none;stroke:#57606a;stroke-width:1.5;marker-end:url(#head)}.back{stroke:#c93c37}.backlabel{fill:#c93c37}.wall{stroke:#8c959f;stroke-dasharray:5 5}
#head path{fill:#57606a}.ground{fill:#ffffff}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}.label{fill:#9ea7b3}.repo rect{fill:#12213d}.job rect{fill:#10281a}.world rect{fill:#2e2411}
.arrow{stroke:#9ea7b3}.back{stroke:#f47067}.backlabel{fill:#f47067}#head path{fill:#9ea7b3}}
`;

export function drawPicture(): string {
  const boxes = BOXES.map((b) => {
    const centre = b.x + b.w / 2;
    const lines = b.lines
      .map((line, i) => `<text x="${centre}" y="${b.y + 43 + i * 17}">${html.text(line)}</text>`)
      .join('');
    return `<g class="${b.kind}"><rect x="${b.x}" y="${b.y}" width="${b.w}" height="${H}" rx="8"/><text class="title" x="${centre}" y="${b.y + 22}">${html.text(b.title)}</text>${lines}</g>`;
  });
  const arrows = ARROWS.map(
    (a) =>
      `<path class="arrow${a.back ? ' back' : ''}" d="${a.d}"/><text class="label${a.back ? ' backlabel' : ''}" x="${a.x}" y="${a.y}">${html.text(a.label)}</text>`,
  );
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 990 480" role="img" aria-labelledby="t d">',
    '<title id="t">From push to a verified canary</title>',
    '<desc id="d">CI tests, builds, commits the wanted version to the config repository and judges the canary. The cluster pulls from Git and from the registry; CI has no credential for it. A fail verdict becomes one revert commit.</desc>',
    `<style>${STYLE.trim()}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    '<rect class="ground" width="990" height="480"/>',
    '<line class="wall" x1="20" y1="362" x2="970" y2="362"/><text class="label" x="120" y="356">CI never crosses this line</text>',
    `<g text-anchor="middle">${boxes.join('\n')}\n${arrows.join('\n')}</g>`,
    '</svg>',
    '',
  ].join('\n');
}

/** The one style sheet of the report. */
export const STYLE = `
:root{--bg:#fff;--fg:#1c2128;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;--good:#1a7f37;--bad:#cf222e;--wait:#9a6700;
--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#57606a;--band:#0969da22;--gap:#cf222e22;--warm:#9a670022}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#9198a1;--line:#30363d;--card:#161b22;--good:#3fb950;--bad:#f85149;--wait:#d29922;
--c0:#58a6ff;--c1:#f0883e;--c2:#3fb950;--c3:#bc8cff;--c4:#f778ba;--c5:#9198a1;--band:#58a6ff22;--gap:#f8514933;--warm:#d2992233}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:820px;margin:0 auto;padding:24px 16px}
header{border-left:6px solid var(--wait);padding:4px 16px;background:var(--card);border-radius:6px}
header.pass{border-color:var(--good)}header.fail{border-color:var(--bad)}
.badge{margin:8px 0 0;font-weight:700;text-transform:uppercase;letter-spacing:.06em;color:var(--wait)}
.pass .badge{color:var(--good)}.fail .badge{color:var(--bad)}
h1{font-size:18px;line-height:1.4;margin:4px 0 12px;overflow-wrap:anywhere}h2{font-size:16px;margin:28px 0 8px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:16px 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:left;padding:4px 8px;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600}
svg{display:block;width:100%;height:auto;background:var(--card);border-radius:6px}
svg text{font:11px system-ui,sans-serif;fill:var(--soft);paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}svg .name{font-size:12px;fill:var(--fg)}svg .note{fill:var(--bad)}
.grid{stroke:var(--line);fill:none}.limit{stroke:var(--bad);stroke-dasharray:5 4;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.dot{fill:var(--c0)}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}
.line.dash{stroke-dasharray:3 3}.legend i.dash{background-image:linear-gradient(90deg,var(--bg) 40%,transparent 40%);background-size:6px 3px}
.band{fill:var(--band)}.shade.gap{fill:var(--gap)}.shade.warm{fill:var(--warm)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;margin:6px 0;padding:0;font-size:13px}
.chart svg{min-width:600px}.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
.badge span{font-weight:400;border:1px solid;border-radius:99px;padding:0 8px;margin-left:6px;letter-spacing:0;text-transform:none}
.legend i.area{height:11px;width:14px}i.gap{background:var(--gap)}i.warm{background:var(--warm)}
.legend i{display:inline-block;width:14px;height:3px;margin-right:6px;vertical-align:middle}
i.c0{background:var(--c0)}i.c1{background:var(--c1)}i.c2{background:var(--c2)}i.c3{background:var(--c3)}i.c4{background:var(--c4)}i.c5{background:var(--c5)}
details{margin:6px 0}summary{color:var(--soft);cursor:pointer;font-size:13px}footer{margin-top:32px;color:var(--soft);font-size:12px;overflow-wrap:anywhere}
@media print{:root{color-scheme:light}main{max-width:none;padding:0}section{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}
.chart svg{min-width:0}header,svg,.band,.shade,i{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;

/** The report's looks: light and dark by the reader's setting, no script, nothing loaded from anywhere. */
import { trusted } from "@sealflow/core";

export const styleSheet = trusted(`
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--text:#1d1f23;--soft:#61666f;--line:#e3e4e6;--accent:#2f6fde;
--accent-soft:#2f6fde22;--ok:#1f8a4c;--bad:#c8322b;--warn:#a86a00;--off:#8a8f98}
@media (prefers-color-scheme:dark){:root{--bg:#141517;--card:#1c1e21;--text:#e7e8ea;--soft:#9ba1ab;--line:#303338;
--accent:#6ea1ff;--accent-soft:#6ea1ff2e;--ok:#4cc27d;--bad:#ff7b72;--warn:#e3b341;--off:#737984}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 56px}
h1{font-size:1.55rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:36px 0 12px}
h3{font-size:.95rem;margin:0 0 10px;overflow-wrap:anywhere}
p{margin:0 0 8px}
.soft,small,caption{color:var(--soft)}
code,.mono{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.state{display:inline-block;padding:1px 9px;border-radius:99px;font-size:.78rem;font-weight:600;letter-spacing:.02em;border:1px solid currentColor;vertical-align:.2em;margin-left:8px}
.succeeded{color:var(--ok)}.failed{color:var(--bad)}.canceled,.interrupted,.running{color:var(--warn)}.skipped,.pending{color:var(--off)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:12px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums;font-weight:600;overflow-wrap:anywhere}
.tile span{color:var(--soft);font-size:.85rem;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:14px;align-items:start}
.card.wide{grid-column:1/-1}
.scroll{overflow-x:auto}
svg{display:block;max-width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
svg.square{width:100%;max-width:420px;margin:0 auto}
.timings svg{min-width:620px;width:100%}
svg.graph{margin:0 auto;max-width:none}
svg text{fill:var(--text)}svg .tick,svg .label{fill:var(--soft)}svg .tick{font-size:11px}
svg .value{font-weight:600;font-size:14px}
.grid{stroke:var(--line);fill:none}.reference{stroke:var(--off);stroke-dasharray:4 4;fill:none}
.curve{stroke:var(--accent);stroke-width:2;fill:none;stroke-linejoin:round}.area{fill:var(--accent-soft)}
.dot{fill:var(--accent);fill-opacity:.75}
.bar{fill:var(--accent)}.bar.failed{fill:var(--bad)}.bar.canceled{fill:var(--warn)}.bar.cached{fill:var(--off)}
.edge{stroke:var(--off);stroke-width:1.4;fill:none}
.node rect{fill:var(--card);stroke:var(--off);stroke-width:1.6}
.node.succeeded rect{stroke:var(--ok)}.node.failed rect{stroke:var(--bad);stroke-width:2.4}
.node.canceled rect{stroke:var(--warn)}.node.skipped rect,.node.pending rect{stroke-dasharray:4 3}
.node.skipped text,.node.pending text{fill:var(--soft)}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}tbody tr:last-child>*{border-bottom:0}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
table.matrix{width:auto;margin:0 auto}
.matrix caption{caption-side:bottom;font-size:.85rem;padding-top:8px}
.matrix th,.matrix td{border:0;padding:10px 14px;text-align:center}
.matrix th[scope=row]{text-align:right}
.matrix tbody td{background:color-mix(in srgb,var(--accent) calc(var(--share)*70%),var(--card));border:1px solid var(--line);min-width:92px}
.matrix b{display:block;font-variant-numeric:tabular-nums}.matrix small{color:inherit;opacity:.85}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
.prose>*{margin:0 0 12px}.prose>:last-child{margin-bottom:0}
.prose h4{font-size:1rem}.prose h5{font-size:.9rem}.prose table{width:auto}.prose td,.prose th{padding-right:22px}.prose ul{padding-left:20px}
iframe{width:100%;height:420px;border:1px solid var(--line);border-radius:8px;background:#fff}
.error{border-color:var(--bad)}
details{margin-top:10px}summary{cursor:pointer}
footer{margin-top:44px;color:var(--soft);font-size:.85rem}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
`);

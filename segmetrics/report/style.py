"""The style sheet: light and dark, on paper and on narrow screens.

Colours of text have a contrast of at least 4.5 to their ground (WCAG 2.2, AA), which a test counts.
"""

LIGHT = {
    "ground": "#ffffff", "card": "#f4f6f8", "line": "#c6ccd3", "text": "#1b1f24",
    "soft": "#525a64", "link": "#0b5cad", "pass": "#0a6640", "fail": "#a8071a",
    "inconclusive": "#7a4b00", "pass-ground": "#e3f4ea", "fail-ground": "#fdecee",
    "inconclusive-ground": "#fff4d9", "forbidden": "#eedcdf", "curve0": "#0072b2",
    "curve1": "#a34700", "curve2": "#00674a", "curve3": "#8a3c6f",
}  # fmt: skip
DARK = {
    "ground": "#14181d", "card": "#1e242b", "line": "#46505b", "text": "#e8ebee",
    "soft": "#a9b3bd", "link": "#7cbcff", "pass": "#6bd6a4", "fail": "#ff9aa2",
    "inconclusive": "#f3c969", "pass-ground": "#12301f", "fail-ground": "#3a161b",
    "inconclusive-ground": "#36290c", "forbidden": "#3d2428", "curve0": "#7cbcff",
    "curve1": "#f0a868", "curve2": "#6bd6a4", "curve3": "#e4a5cb",
}  # fmt: skip

_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer,nav{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.35rem;margin:1.2rem 0 .8rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
p,ul,ol{margin:.4rem 0;max-width:54rem}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--link);
 outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0;margin:.8rem 0}
.soft{color:var(--soft)}
.small{font-size:.875rem}
.banner{border:1px solid;border-left-width:.6rem;border-radius:.4rem;padding:.8rem 1rem;
 margin:.4rem 0 1rem}
.banner p{max-width:none}
.banner strong{font-size:1.5rem;letter-spacing:.03em}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--inconclusive)}
.banner.pass{background:var(--pass-ground)}.banner.fail{background:var(--fail-ground)}
.banner.inconclusive{background:var(--inconclusive-ground)}
.banner p{color:var(--text)}
.badge{display:inline-block;font-weight:700;border:1px solid;border-radius:.3rem;padding:0 .4rem;
 font-size:.8125rem;white-space:nowrap}
.badge.pass{background:var(--pass-ground)}.badge.fail{background:var(--fail-ground)}
.badge.inconclusive{background:var(--inconclusive-ground)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.6rem;
 margin:.6rem 0;padding:0;list-style:none;max-width:none}
.cards li{background:var(--card);border-radius:.4rem;padding:.5rem .7rem}
.cards b{display:block;font-size:1.5rem;line-height:1.3;font-variant-numeric:tabular-nums}
.rules{list-style:none;padding:0;max-width:none}
.rules>li{display:grid;grid-template-columns:8rem minmax(14rem,1fr) 19rem;gap:.2rem 1rem;
 padding:.6rem 0;border-bottom:1px solid var(--line);align-items:start}
.rules p{margin:0}
.rules .why{grid-column:2/4}
.findings{list-style:none;padding:0}
.findings li{margin:.5rem 0;padding-left:.8rem;border-left:.25rem solid var(--line);
 overflow-wrap:anywhere}
.findings .block{border-color:var(--fail)}.findings .warn{border-color:var(--inconclusive)}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-size:.9375rem}
caption{text-align:left;color:var(--soft);font-size:.875rem;padding-bottom:.2rem}
th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);
 vertical-align:top;font-variant-numeric:tabular-nums}
thead th{white-space:nowrap}
tbody th{font-weight:600}
td .soft{white-space:nowrap;font-size:.8125rem;display:block}
.confusion td{text-align:right;padding:.25rem .5rem}
.confusion td.right{font-weight:700}
figure{margin:0}
.images{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));gap:1rem}
.images img{width:100%;height:auto;border:1px solid var(--line);image-rendering:auto}
figcaption{font-size:.875rem;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1rem}
svg{display:block;width:100%;height:auto;max-width:26rem}
svg text{fill:var(--text);font:11px system-ui,sans-serif}
svg .soft{fill:var(--soft)}
svg .axis{stroke:var(--line);fill:none}
svg .forbidden{fill:var(--forbidden)}
svg .bound{stroke:var(--text);stroke-width:2}
svg .people{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:3 2}
svg .span{stroke:currentColor;stroke-width:8;opacity:.5}
svg .dot{fill:currentColor}
svg .curve{fill:none;stroke-width:2}
.key{list-style:none;padding:0;font-size:.875rem;display:flex;flex-wrap:wrap;gap:0 1rem}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--link)}
code,pre{font:.8125rem/1.45 ui-monospace,SFMono-Regular,Consolas,monospace}
code{overflow-wrap:anywhere}
pre{background:var(--card);padding:.7rem;overflow-x:auto;border-radius:.4rem}
footer{padding:2rem 1rem}
@media (max-width:48rem){.rules>li{grid-template-columns:1fr}.rules .why{grid-column:1}}
@media print{nav,.skip{display:none}body{font-size:11pt}section{break-inside:auto}
 figure,.rules>li,.findings li{break-inside:avoid}.scroll{overflow:visible}
 details::details-content{content-visibility:visible;display:block;height:auto}}
"""


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    f"@media print{{:root{{color-scheme:light;{_variables(LIGHT)}}}}}{_RULES}"
)

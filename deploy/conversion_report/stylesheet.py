"""The stylesheet of the report's page, light or dark as the reader's system is."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --muted: #5f6b7a; --line: #dfe3e8;
  --one: #2563eb; --two: #d97706; --good: #15803d; --bad: #c02626; --badground: #fdecec; --goodground: #e8f6ee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --card: #1d2127; --ink: #e6e9ee; --muted: #9aa6b5; --line: #323943;
    --one: #7aa7ff; --two: #f2a950; --good: #4ccb83; --bad: #ff7b7b; --badground: #3a1f22; --goodground: #17301f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .75rem; }
h3 { font-size: .95rem; margin: 1.5rem 0 .5rem; }
p { margin: .5rem 0; max-width: 48rem; }
.muted, small { color: var(--muted); }
small { font-size: .82rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
.badge { border-radius: 99px; padding: .1rem .8rem; font-weight: 600; background: var(--card); color: var(--muted); }
.badge.passed { background: var(--goodground); color: var(--good); }
.badge.failed { background: var(--badground); color: var(--bad); }
.failure { background: var(--badground); color: var(--bad); padding: .75rem 1rem; }
.failure, .hint { border-radius: .5rem; max-width: none; }
.hint { background: var(--card); border-left: .25rem solid var(--two); padding: .6rem 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; }
.cards { margin-top: 1.5rem; }
.card { background: var(--card); border-radius: .6rem; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.5rem; font-weight: 650; line-height: 1.3; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: .8rem; font-weight: 600; color: var(--muted); white-space: nowrap; }
td { white-space: nowrap; }
td.prose, table.facts td { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
td.number, th.number { text-align: right; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
tr.bad td { background: var(--badground); }
.bar { height: .35rem; border-radius: .2rem; background: var(--one); min-width: 2px; margin: .25rem 0 0 auto; }
code, pre { font: .85rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
pre { background: var(--card); padding: .75rem 1rem; border-radius: .5rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
.sample { background: var(--card); border-radius: .6rem; padding: .75rem; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; margin: .5rem 0; }
.pair figure { margin: 0; }
.pair img { width: 100%; border-radius: .35rem; display: block; }
figcaption { font-size: .82rem; margin-top: .25rem; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; }
svg text { fill: var(--muted); font-size: 11px; font-family: inherit; }
svg .grid { stroke: var(--line); } svg .ink { fill: var(--ink); }
svg .line { fill: none; stroke: var(--bad); stroke-width: 1.75; stroke-linejoin: round; }
svg .dot { fill: var(--one); } svg .part { fill: var(--two); }
.stages { display: flex; height: .9rem; border-radius: .3rem; overflow: hidden; gap: 2px; margin: .75rem 0 .5rem; }
.stages span { background: var(--one); min-width: 2px; }
.stages span:nth-child(even) { background: var(--two); }
details { margin: .5rem 0; } summary { cursor: pointer; }
@media (max-width: 36rem) {
  body { padding: 1.25rem .9rem 3rem; font-size: 14px; }
  .samples { grid-template-columns: 1fr; }
  .cards { grid-template-columns: 1fr 1fr; }
}
@media print { body { max-width: none; } .sample, .card, svg { break-inside: avoid; } }
"""

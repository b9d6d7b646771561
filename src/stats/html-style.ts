/**
 * The stats page's style: it comes with the page, because the page must work when nothing else does. A narrow window
 * shows the columns of the second rank (`more`) when they are asked for.
 */

export const PAGE_STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#66717f;--line:#dfe3e8;
--head:#eef1f4;--up:#e3f6e8;--up-ink:#14703a;--warn:#fff3d6;--warn-ink:#8a5a00;--down:#fde3e1;
--down-ink:#a8261c;--maint:#eee3d6;--maint-ink:#7a4a12;--drain:#e2ecfd;--drain-ink:#1f4fa8;
--none:var(--card);--accent:#2360c4}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e3e8ee;--soft:#93a0ae;
--line:#2c3541;--head:#212935;--up:#15321f;--up-ink:#7fd99c;--warn:#3a2f12;--warn-ink:#f0c766;
--down:#431d1b;--down-ink:#ff9d94;--maint:#38291a;--maint-ink:#e0b07a;--drain:#1b2d4d;
--drain-ink:#9dc0ff;--accent:#7aaaf7}}
*{box-sizing:border-box}
body{margin:0;padding:1rem 1rem 3rem;background:var(--bg);color:var(--ink);
font:13px/1.45 system-ui,sans-serif}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
h1{font-size:1.35rem;margin:0}h1 small{font-size:.8rem;font-weight:400;color:var(--soft)}
h2{font-size:1.05rem;margin:0}h2 small{font-weight:400;color:var(--soft)}
header{display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:baseline;margin-bottom:1rem}
header nav{margin-left:auto;display:flex;gap:1rem}
.facts{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:0 0 1rem;color:var(--soft)}
.facts b{color:var(--ink);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:.4rem;margin:0 0 1.25rem}
.legend span{padding:.1rem .6rem;border-radius:1rem;border:1px solid var(--line)}
.notice{padding:.6rem .9rem;border-radius:.4rem;margin:0 0 1rem;background:var(--warn);
color:var(--warn-ink)}.notice.good{background:var(--up);color:var(--up-ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;
margin:0 0 1rem;padding:.7rem .75rem}
.narrow{display:none}
@media(max-width:700px){.narrow{display:inline-block;margin:0 0 1rem}th.narrow{display:table-cell}
body:not(:has(#all:checked)) .more,tr.groups{display:none}}
td.name{position:sticky;left:0;background:inherit}
.scroll{overflow-x:auto;margin-top:.5rem}
table{border-collapse:collapse;width:100%;font-size:11.5px;font-variant-numeric:tabular-nums;
white-space:nowrap}th,td{padding:.25rem .24rem;text-align:right;border-bottom:1px solid var(--line)}
thead th{background:var(--head);font-weight:600;font-size:10.5px;color:var(--soft)}
thead tr:first-child th{border-left:1px solid var(--line);text-align:center}
th:first-child,td:first-child,td.name,th.name,td.words,th.words{text-align:left}
tbody tr:last-child td{border-bottom:0}
tr.frontend td,tr.backend td{font-weight:600}
.up{background:var(--up)}.going-down,.going-up{background:var(--warn)}.down{background:var(--down)}
.maint{background:var(--maint)}.drain{background:var(--drain)}.unchecked{background:var(--none)}
td.status{font-weight:600;text-align:left}td.status,th.words,td.words{padding-left:.6rem}
.up td.status{color:var(--up-ink)}.down td.status{color:var(--down-ink)}
.going-down td.status,.going-up td.status{color:var(--warn-ink)}
.maint td.status{color:var(--maint-ink)}.drain td.status{color:var(--drain-ink)}
form p{margin:.6rem 0 0}select,button{font:inherit;padding:.25rem .6rem;border-radius:.35rem;
border:1px solid var(--line);background:var(--card);color:var(--ink)}
button{background:var(--accent);border-color:var(--accent);color:#fff;cursor:pointer}
@media(prefers-color-scheme:dark){button{color:#0d1420}}
`;

"""`page`: the form of the hub's pages without scripts: a style, and a policy that admits it.

- A page holds no script and loads nothing from anywhere; its content security policy names the
  one style by its digest.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from starlette.responses import HTMLResponse

SHEET = """:root{color-scheme:light dark;--ink:#1b2430;--soft:#566273;--line:#d5dce4;--paper:#fff;
--tint:#f4f7f9;--accent:#0b6e6e;--bad:#a32323}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ee;--soft:#9aa7b5;--line:#34404d;
--paper:#14191f;--tint:#1b222a;--accent:#4fc1bd;--bad:#f08a8a}}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;color:var(--ink);
background:var(--paper);font:16px/1.65 system-ui,"PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif;overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.3}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}
a{color:var(--accent)}li{margin:.3rem 0}small,.soft{color:var(--soft)}
.state{color:var(--accent)}.bad{color:var(--bad)}
code,pre{font:.88em/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
pre{background:var(--tint);border:1px solid var(--line);border-radius:4px;padding:.7rem;
overflow-x:auto}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.93rem}
th,td{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);
padding:.35rem .8rem .35rem 0}th{color:var(--soft)}nav{font-size:.93rem}"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(SHEET.encode()).digest()).decode()}';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,">
<style>{sheet}</style></head><body>
{body}
</body></html>
"""


def page(title: str, body: str) -> HTMLResponse:
    """Return a page of this body, which is HTML already."""
    text = _PAGE.format(title=escape(title), sheet=SHEET, body=body)
    return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})

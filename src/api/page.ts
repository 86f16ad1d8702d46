/** What the hub's own pages are allowed: their style, and nothing that runs, is fetched, framed or sent. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** How they look. */
export const PAGE_STYLE = `
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
nav a{margin-right:.7rem}h2{border-bottom:1px solid #d0d7de;margin-top:2.5rem}h3{margin-bottom:.2rem}article{margin-bottom:1.6rem}
b{display:inline-block;min-width:4.5rem}.get{color:#0550ae}.post,.put,.patch{color:#116329}.delete{color:#a40e26}
pre{background:#f6f8fa;padding:.7rem;overflow:auto}td{padding:.1rem .8rem .1rem 0;vertical-align:top}small{color:#57606a}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}a,.get{color:#58a6ff}.post,.put,.patch{color:#3fb950}.delete{color:#f85149}}`

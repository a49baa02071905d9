//! What is around the rows of the page.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::digest::{SHA256, digest};

use super::MARK;
use crate::text::harmless;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What is below the rows.
pub(super) const FOOT: &str =
    concat!("</table>\n</main>\n<script>", include_str!("page.js"), "</script>\n</body>\n</html>\n");

/// What is above the rows.
pub(super) fn head(summary: &str) -> String {
    // Nothing but this page's own style, script, pictures and sound: also if a name got through unescaped.
    let policy = format!(
        "default-src 'none'; img-src data:; media-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    format!(
        "{MARK}<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<meta name=\"generator\" content=\"voxsift {}\">
<title>voxsift report</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>voxsift report</h1>
<p>{}</p>
<p class=\"keys\" hidden><kbd>Space</kbd> plays and pauses, <kbd>x</kbd> switches between before and after, <kbd>↑</kbd> <kbd>↓</kbd> go from recording to recording, <kbd>←</kbd> <kbd>→</kbd> move by 2 s.</p>
</header>
<main>
<table>
<caption>Noise removed: how much lower the background is, which is the level that is exceeded 90 % of the time.</caption>
<thead><tr><th scope=\"col\">File</th><th scope=\"col\" class=\"number\">Length</th><th scope=\"col\" class=\"number\">Noise removed</th><th scope=\"col\" class=\"number\">Credits</th><th scope=\"col\" class=\"number\">Time</th><th scope=\"col\">Status</th></tr></thead>
",
        env!("CARGO_PKG_VERSION"),
        escaped(summary)
    )
}

/// The row of a recording that was not begun.
pub(super) fn not_begun(name: &str) -> String {
    let empty = "<td class=\"number\">–</td>".repeat(4);
    format!(
        "<tbody class=\"skipped\">\n<tr><th scope=\"row\">{}</th>{empty}<td><span class=\"status\">not begun</span></td></tr>\n</tbody>\n",
        escaped(name)
    )
}

/// The name of a text in a content security policy (CSP level 3, section 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// A stranger's text as HTML, in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

//! The page: one file, with everything in it.

use super::server::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use swathe_io::picture::PALETTES;

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 4] = [
    include_str!("page/map.js"),
    include_str!("page/charts.js"),
    include_str!("page/live.js"),
    include_str!("page/app.js"),
];

/// A page that is ready to be sent or kept.
#[derive(Debug, Clone)]
pub struct Page {
    pub html: String,
    /// Its content security policy: its own script and style, and answers from where it came.
    pub policy: String,
}

impl Page {
    /// A page of these data, of which "mode" says what it is.
    pub fn new(title: &str, mut data: Value) -> Page {
        data["title"] = json!(title);
        data["version"] = json!(env!("CARGO_PKG_VERSION"));
        let palettes = PALETTES.iter();
        data["palettes"] = palettes
            .map(|palette| {
                (
                    palette.name().to_owned(),
                    json!(BASE64.encode(palette.table())),
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        let script = SCRIPTS.concat();
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'",
            digest(&script),
            digest(STYLE)
        );
        // Values first: nothing that stands in one is taken for a place.
        let mut html = String::with_capacity(HTML.len() + STYLE.len() + script.len());
        let mut rest = HTML;
        while let Some((before, after)) = rest.split_once("{{") {
            html += before;
            let Some((name, after)) = after.split_once("}}") else {
                break;
            };
            match name {
                "title" => html += &escaped(title),
                "policy" => html += &policy,
                "style" => html += STYLE,
                "script" => html += &script,
                // In a script element, `<` could end it.
                "data" => html += &data.to_string().replace('<', "\\u003c"),
                _ => {}
            }
            rest = after;
        }
        html += rest;
        Page { html, policy }
    }
}

impl Page {
    /// The page, to be sent.
    pub fn answer(&self) -> Answer {
        Answer {
            policy: Some(format!("{}; frame-ancestors 'self'", self.policy)),
            ..Answer::new("text/html; charset=utf-8", self.html.clone())
        }
    }
}

fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text)))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_data_ends_no_script_and_is_no_place() {
        let evil = "</script><script>alert(1)</script>{{script}}";
        let page = Page::new(evil, json!({"mode": "report", "note": evil}));
        assert_eq!(page.html.matches("</script>").count(), 2);
        assert!(!page.html.contains("<script>alert"));
        assert!(!page.html.contains("{{policy}}") && !page.html.contains("{{style}}"));
    }

    #[test]
    fn the_policy_names_what_is_in_the_page() {
        let page = Page::new("a", json!({"mode": "live"}));
        let between = |start: &str, end: &str| {
            let (_, after) = page.html.rsplit_once(start).unwrap();
            after.split_once(end).unwrap().0
        };
        assert!(
            page.policy
                .contains(&digest(between("<script>", "</script>")))
        );
        assert!(
            page.policy
                .contains(&digest(between("<style>", "</style>")))
        );
        assert!(page.html.contains(&page.policy));
    }

    #[test]
    fn it_is_small_and_asks_for_nothing_from_outside() {
        let page = Page::new("a", json!({"mode": "live"}));
        assert!(page.html.len() < 300_000, "{}", page.html.len());
        assert!(!page.html.contains("http://") && !page.html.contains("https://"));
    }
}

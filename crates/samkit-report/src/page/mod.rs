//! The page itself.
//!
//! Of every card the page holds two `<script>` elements with JSON: a short one that is read when the
//! page is opened, and the whole card, which is read when its place comes into view.

use std::{
    io::{self, Write},
    path::Path,
};

use samkit_io::{WriteError, write_atomically};
use serde_json::Value;

use crate::{
    Card, Run,
    escape::{html, script_json},
    summary::Summary,
};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: [&str; 3] =
    [include_str!("page.css"), include_str!("grid.css"), include_str!("viewer.css")];
/// In one function, so that they share their names with each other and nothing else.
const SCRIPT: [&str; 8] = [
    include_str!("dom.js"),
    include_str!("cards.js"),
    include_str!("drawing.js"),
    include_str!("grid.js"),
    include_str!("viewer.js"),
    include_str!("panel.js"),
    include_str!("zoom.js"),
    include_str!("main.js"),
];
/// Where the template is cut in two.
const CARDS: &str = "{{cards}}";

/// Writes the page of a run: one file that needs nothing else. Cards are taken one at a time and
/// forgotten once they are written, so that memory does not grow with their number.
///
/// # Errors
/// When the file cannot be written or a card cannot be had. Nothing of the file is left behind then.
pub fn write_report(
    path: &Path,
    run: &Run,
    cards: impl Iterator<Item = io::Result<Card>>,
) -> Result<(), WriteError> {
    let (before, after) = TEMPLATE.split_once(CARDS).expect("the template has a place for cards");
    let value = |name: &str| value(run, name);
    write_atomically(path, |file| {
        file.write_all(filled(before, value).as_bytes())?;
        for card in cards {
            write_card(file, &card?)?;
        }
        file.write_all(filled(after, value).as_bytes())
    })
}

fn write_card(file: &mut impl Write, card: &Card) -> io::Result<()> {
    let summary = script_json(&Summary::new(card))?;
    let card = script_json(card)?;
    writeln!(file, "<script type=\"application/json\" class=\"summary\">{summary}</script>")?;
    writeln!(file, "<script type=\"application/json\" class=\"card\">{card}</script>")
}

/// Puts values in the places `{{name}}` of a template. Values are not looked through again.
fn filled(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut pieces = template.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("a place in the template is closed");
        text += &value(name);
        text += rest;
    }
    text
}

fn value(run: &Run, name: &str) -> String {
    match name {
        "title" => html(&run.title),
        "version" => html(&run.version),
        "about" => about(run),
        "totals" => totals(run),
        "notes" => {
            run.notes.iter().map(|note| format!("<p class=\"note\">{}</p>", html(note))).collect()
        }
        "settings" => settings(&run.settings),
        "style" => STYLE.concat(),
        "script" => SCRIPT.concat(),
        _ => unreachable!("the template knows no `{name}`"),
    }
}

/// One line below the heading.
fn about(run: &Run) -> String {
    let took = if run.took.is_empty() { String::new() } else { format!("took {}", run.took) };
    let parts = [&run.version, &run.started, &took];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let mut spans: Vec<_> = parts.map(|part| format!("<span>{}</span>", html(part))).collect();
    if !run.output.is_empty() {
        spans.push(format!("<span>results in <code>{}</code></span>", html(&run.output)));
    }
    spans.join("\n")
}

fn totals(run: &Run) -> String {
    let totals = run.totals;
    let counts = [
        ("images", totals.images),
        ("failed", totals.failed),
        ("objects", totals.objects),
        ("files", totals.files),
    ];
    let shown = counts.into_iter().filter(|&(name, count)| name == "images" || count > 0);
    shown
        .map(|(name, count)| {
            format!("<div class=\"{name}\"><dt>{name}</dt><dd>{}</dd></div>\n", grouped(count))
        })
        .collect()
}

/// A count with thin spaces between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join("\u{202f}")
}

fn settings(settings: &[(String, Value)]) -> String {
    settings
        .iter()
        .map(|(step, params)| {
            let rows: String = match params {
                Value::Object(params) => {
                    params.iter().map(|(name, value)| row(name, value)).collect()
                }
                Value::Null => String::new(),
                other => row("", other),
            };
            format!("<section><h3>{}</h3><table>{rows}</table></section>\n", html(step))
        })
        .collect()
}

fn row(name: &str, value: &Value) -> String {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", html(name), html(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_looked_through_again() {
        let text = filled("a{{x}}b{{y}}", |name| format!("<{{{{{name}}}}}>"));
        assert_eq!(text, "a<{{x}}>b<{{y}}>");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}

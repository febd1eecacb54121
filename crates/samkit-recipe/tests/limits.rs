//! Recipes that are no recipes: they are refused soon, and without much memory.

mod common;

use std::{
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use samkit_recipe::{MAX_BYTES, Override, Recipe, RecipeError, Source};

/// Generous for a debug build on a slow machine; what is not bounded takes minutes.
const SOON: Duration = Duration::from_secs(30);

#[track_caller]
fn refused_soon(text: String) -> RecipeError {
    let start = Instant::now();
    let error = Recipe::parse_and_plan(Source::new("r.yaml", text), &[], &common::catalogue())
        .map(drop)
        .expect_err("this is no recipe");
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    error
}

/// A text of almost the greatest length.
fn fill(head: &str, line: impl Fn(usize) -> String, tail: &str) -> String {
    fill_to(MAX_BYTES, head, line, tail)
}

fn fill_to(bytes: usize, head: &str, line: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let line = line(number);
        if text.len() + line.len() + tail.len() > bytes {
            break;
        }
        text += &line;
    }
    text + tail
}

#[test]
fn a_file_of_100_megabytes_is_not_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.seek(SeekFrom::Start(100 << 20)).unwrap();
    file.write_all(b"!").unwrap();
    let start = Instant::now();
    let error = Source::read(file.path()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(error.to_string().ends_with("has 104857601 bytes, and a recipe at most 1048576"));
    let text = " ".repeat(MAX_BYTES + 1);
    assert!(matches!(refused_soon(text), RecipeError::Invalid(_)));
}

#[cfg(unix)]
#[test]
fn a_device_without_end_is_not_read_to_its_end() {
    let error = Source::read(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(error, RecipeError::TooLarge { .. }), "{error}");
}

#[test]
fn folders_and_absent_files_are_not_read() {
    for path in [Path::new("tests"), Path::new("tests/absent.yaml")] {
        assert!(matches!(Source::read(path).unwrap_err(), RecipeError::Read { .. }));
    }
}

#[test]
fn nesting_has_an_end() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("[{a: ", "}]")] {
        let times = MAX_BYTES / (open.len() + close.len()) - 8;
        let text = format!("a: \n  {}{}", open.repeat(times), close.repeat(times));
        refused_soon(text);
        refused_soon(open.repeat(times));
    }
    let deep = (0..400).map(|depth| format!("{}a:\n", "  ".repeat(depth))).collect::<String>();
    refused_soon(deep);
}

#[test]
fn aliases_that_explode_are_refused() {
    // Doubling, in width, and of one long text.
    let doubling: String =
        (1..60).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    refused_soon(format!("a0: &a0 lol\n{doubling}"));
    let wide = fill("a: &a [", |_| "x,".into(), "]\n");
    let wide = wide[..wide.len() / 2].trim_end_matches(',').to_owned() + "]\n";
    refused_soon(fill(&format!("{wide}b: ["), |_| "*a,".into(), "*a]\n"));
    let long = format!("a: &a {}\nb: [", "x".repeat(MAX_BYTES / 2));
    refused_soon(fill(&long, |_| "*a,".into(), "*a]\n"));
    let keys = format!("a: &a {}\nb:\n", "x".repeat(MAX_BYTES / 2));
    refused_soon(fill(&keys, |_| " - {*a : 1}\n".into(), ""));
}

#[test]
fn variables_that_explode_are_refused() {
    let doubling: String =
        (1..60).map(|n| format!("  a{n}: \"${{a{0}}}${{a{0}}}\"\n", n - 1)).collect();
    refused_soon(format!("version: 1\nvars:\n  a0: lol\n{doubling}steps: []\n"));
    let lists: String =
        (1..60).map(|n| format!("  a{n}: [\"${{a{0}}}\", \"${{a{0}}}\"]\n", n - 1)).collect();
    refused_soon(format!("version: 1\nvars:\n  a0: lol\n{lists}steps: []\n"));
    let deep = |n| format!("  a{}: [\"${{a{n}}}\"]\n", n + 1);
    refused_soon(fill("version: 1\nvars:\n  a0: lol\n", deep, "steps: []\n"));
}

#[test]
fn of_very_many_mistakes_the_first_are_shown() {
    // So many that the values can still be read.
    let fill = |head: &str, line: &dyn Fn(usize) -> String| fill_to(1 << 18, head, line, "");
    let keys = fill("version: 1\n", &|n| format!("k{n}: 1\n"));
    let vars = fill("version: 1\nvars:\n", &|n| format!("  k{n}: ${{j{n}}}\n"));
    let steps = fill("version: 1\nsteps:\n", &|n| format!("- {{id: s{n}, task: t}}\n"));
    let links = fill("version: 1\nsteps:\n", &|n| {
        format!("- {{id: s{n}, task: detect, inputs: {{words: s{}}}}}\n", n + 1)
    });
    let same = fill("version: 1\nsteps:\n", &|_| "- task: edges\n".into());
    for text in [keys, vars, steps, links, same] {
        let error = refused_soon(text);
        assert_eq!(error.each().len(), 20, "{error}");
        assert!(matches!(&error, RecipeError::Several(all) if all.more), "{error}");
        let shown = miette_report(&error);
        assert!(shown.len() < 100_000, "the report has {} bytes", shown.len());
    }
}

#[test]
fn a_line_of_a_megabyte_is_not_printed() {
    let text = fill("version: 1\nsteps: [", |_| "{task: edges}, ".into(), "{tsk: edges}]\n");
    assert!(miette_report(&refused_soon(text)).len() < 100_000);
    let text = format!("version: 1\nsteps: []\n{}: 1\n", "k".repeat(900_000));
    assert!(miette_report(&refused_soon(text)).len() < 20_000);
}

#[test]
fn includes_have_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |number: usize| folder.path().join(format!("{number}.yaml"));
    for number in 0..40 {
        let text = format!("version: 1\ninclude: [{0}.yaml, {0}.yaml]\n", number + 1);
        std::fs::write(path(number), text).unwrap();
    }
    std::fs::write(path(40), "version: 1\nsteps: [{task: edges}]\n").unwrap();
    let start = Instant::now();
    let error = Recipe::parse(Source::read(&path(0)).unwrap(), &[]).unwrap_err();
    assert!(start.elapsed() < SOON);
    assert!(error.each()[0].to_string().contains("at most 8 deep"), "{}", error.each()[0]);
    let start = path(33);
    assert!(Recipe::parse(Source::read(&start).unwrap(), &[]).is_err(), "64 files in all");
    let start = path(37);
    assert!(Recipe::parse(Source::read(&start).unwrap(), &[]).is_ok(), "15 files in all");
}

#[test]
fn an_override_cannot_be_too_deep() {
    let deep = format!("{}a=1", "a.".repeat(100_000));
    assert!(deep.parse::<Override>().is_err());
    let nested = format!("a={}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(nested.parse::<Override>().is_err());
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let error = refused_soon("version: 1\noutput: \"\u{1b}[31mred\u{9b}\"\n".into());
    let shown = miette_report(&error);
    assert!(shown.contains("U+001B"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
}

fn miette_report(error: &RecipeError) -> String {
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let mut report = String::new();
    miette::GraphicalReportHandler::new_themed(theme)
        .render_report(&mut report, error)
        .expect("texts can be written to");
    report
}

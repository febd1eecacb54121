//! What a page promises whatever it is given.

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
};

use image::{GrayImage, Luma, Rgb, RgbImage};
use samkit_core::{BBox, Mask, Rle, Size};
use samkit_io::Instance;
use samkit_report::{Card, ResultView, Run, Shown, Totals, write_report};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A name with all that can end a text in HTML, JavaScript or JSON too early.
const NASTY: &str =
    "</script><script>alert(1)</script><!-- \"'`${x}{{cards}}&lt; \u{2028}\u{202e}猫.jpg";

fn photo() -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| Rgb([4 * x as u8, 5 * y as u8, 90]))
}

fn square(label: &str, score: Option<f32>) -> Instance {
    let mask =
        Mask::from_fn(Size::new(64, 48), |x, y| (8..24).contains(&x) && (8..24).contains(&y));
    let mask = Rle::from_mask(&mask);
    Instance { bbox: mask.bbox(), label: label.into(), category_id: None, score, mask: Some(mask) }
}

fn full_card(name: &str) -> Card {
    let boxed =
        Instance { bbox: BBox::new(1.0, 2.0, 60.0, 40.0), mask: None, ..square(NASTY, None) };
    let things = [square("dog", Some(0.93)), boxed];
    let photo = photo();
    let lines = GrayImage::from_fn(64, 48, |x, _| Luma([if x == 9 { 255 } else { 0 }]));
    let warnings = [NASTY.to_owned()];
    let files = ["masks/a b.png".to_owned()];
    let results = [
        ResultView {
            numbers: &[("boxes", 2.0), ("certainty", f64::NAN)],
            warnings: &warnings,
            files: &files,
            ..ResultView::new("masks", Shown::Objects(&things))
        },
        ResultView::new("edges", Shown::Gray(&lines)),
        ResultView::new("overlay", Shown::Picture(&photo)),
        ResultView::new("late", Shown::Failed { message: NASTY, help: Some("do <that>") }),
        ResultView::new("count", Shown::Nothing),
    ];
    Card::new(name, &photo, &results).with_seconds(1.25).with_warnings(vec!["turned".into()])
}

fn run() -> Run {
    Run {
        title: NASTY.into(),
        version: "samkit 0.1.0".into(),
        started: "24 November".into(),
        took: "3 s".into(),
        output: NASTY.into(),
        totals: Totals { images: 1200, failed: 2, objects: 0, files: 7 },
        settings: vec![(NASTY.into(), json!({ "prompt": NASTY, "threshold": 0.5, "of": ["a"] }))],
        notes: vec![NASTY.into()],
    }
}

fn page_of(cards: Vec<Card>) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new/report.html");
    write_report(&path, &run(), cards.into_iter().map(Ok)).unwrap();
    fs::read_to_string(path).unwrap()
}

/// The contents of the `<script>` elements of a class, as a browser finds them.
fn scripts<'a>(page: &'a str, class: &str) -> Vec<&'a str> {
    let start = format!("<script type=\"application/json\" class=\"{class}\">");
    page.split(&start).skip(1).map(|rest| rest.split("</script>").next().unwrap()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_card_is_the_same_after_json() {
    for card in [full_card(NASTY), Card::failed(NASTY, "bad", None)] {
        let json = serde_json::to_string(&card).unwrap();
        assert!(!json.contains('\n'));
        assert_eq!(serde_json::from_str::<Card>(&json).unwrap(), card);
    }
}

#[test]
fn numbers_that_json_cannot_say_are_null() {
    let card = full_card("a").with_seconds(f64::INFINITY);
    let json = serde_json::to_value(card).unwrap();
    assert_eq!(json["results"][0]["numbers"], json!([["boxes", 2.0], ["certainty", null]]));
    assert_eq!(json["seconds"], Value::Null);
}

#[test]
fn objects_are_largest_first_in_pixels_of_the_image() {
    let card = serde_json::to_value(full_card("a")).unwrap();
    let objects = card["results"][0]["objects"].as_array().unwrap();
    assert_eq!(objects[0]["label"], NASTY);
    assert_eq!((&objects[0]["area"], &objects[0]["mask"]), (&json!(59 * 38), &json!(false)));
    assert_eq!(
        objects[1],
        json!({
            "number": 1, "label": "dog", "score": 0.93, "area": 256, "box": [8, 8, 24, 24], "mask": true,
            "path": "M8 8l16 0 0 16-16 0z",
        })
    );
}

#[test]
fn a_large_image_is_shown_small_and_its_masks_with_it() {
    let large = RgbImage::from_pixel(3000, 1500, Rgb([9, 99, 199]));
    let mask = Rle::from_mask(&Mask::from_fn(Size::new(3000, 1500), |x, y| x < 1500 && y < 750));
    let quarter = Instance { bbox: mask.bbox(), mask: Some(mask), ..square("quarter", None) };
    let things = [quarter];
    let found = ResultView::new("masks", Shown::Objects(&things));
    let card = serde_json::to_value(Card::new("a", &large, &[found])).unwrap();
    assert_eq!(card["size"], json!([3000, 1500]));
    assert_eq!((&card["picture"]["width"], &card["picture"]["height"]), (&json!(880), &json!(440)));
    assert_eq!(card["results"][0]["objects"][0]["path"], "M0 0l440 0 0 220-440 0z");
}

#[test]
fn images_without_pixels_and_empty_masks_have_cards() {
    let none = RgbImage::new(0, 7);
    let empty = Rle::from_mask(&Mask::empty(Size::new(64, 48)));
    let nowhere = BBox::new(f32::INFINITY, f32::NAN, f32::INFINITY, 2.0);
    let things = [
        Instance { mask: Some(empty), ..square("", None) },
        Instance { mask: None, bbox: nowhere, ..square("", Some(f32::NAN)) },
        square("", None),
    ];
    let gray = GrayImage::new(3, 0);
    let results = [
        ResultView::new("a", Shown::Objects(&things)),
        ResultView::new("b", Shown::Picture(&none)),
        ResultView::new("c", Shown::Gray(&gray)),
    ];
    for image in [&none, &photo()] {
        let card = Card::new("a", image, &results);
        let json = serde_json::to_string(&card).unwrap();
        assert_eq!(serde_json::from_str::<Card>(&json).unwrap(), card);
    }
}

#[test]
fn texts_of_others_never_become_markup() {
    let page = page_of(vec![full_card(NASTY), Card::failed(NASTY, NASTY, Some(NASTY))]);
    assert!(!page.contains("alert(1)</script>"), "the text is there unescaped");
    // One script a card and a summary, and the page's own.
    assert_eq!(page.matches("<script").count(), 2 * 2 + 1);
    assert_eq!(page.matches("</script").count(), 2 * 2 + 1);
    assert!(!page.contains("<!--"));
    for (class, name) in [("summary", "name"), ("card", "name")] {
        for json in scripts(&page, class) {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(value[name], NASTY);
        }
    }
    // Heading, title, folder, note, step and parameter: escaped, and not taken for places to fill.
    let escaped = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- &quot;&#39;`${x}{{cards}}&amp;lt;";
    assert_eq!(page.matches(escaped).count(), 6);
}

#[test]
fn the_page_asks_for_nothing_and_writes_no_html_of_its_own() {
    let page = page_of(vec![full_card("a.jpg")]);
    assert!(page.contains("default-src 'none'"));
    // The one address is SVG's name, which is never fetched.
    assert_eq!(page.matches("http").count() - page.matches("http-equiv").count(), 1);
    for word in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("]
    {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn summaries_say_what_the_page_sorts_and_filters_by() {
    let page = page_of(vec![full_card("a.jpg"), Card::failed("b", "bad", Some("go"))]);
    let summaries: Vec<Value> =
        scripts(&page, "summary").iter().map(|json| serde_json::from_str(json).unwrap()).collect();
    assert_eq!(
        summaries[0],
        json!({
            "name": "a.jpg", "size": [64, 48], "seconds": 1.25, "objects": 2,
            "labels": [[NASTY, 1], ["dog", 1]], "score": 0.93,
            "steps": [["masks", true], ["edges", false], ["overlay", false]],
            "warnings": ["turned", NASTY],
            "failures": [["late", { "message": NASTY, "help": "do <that>" }]],
        })
    );
    assert_eq!(summaries[1]["failures"], json!([[null, { "message": "bad", "help": "go" }]]));
    assert_eq!(summaries[1]["objects"], Value::Null);
}

#[test]
fn same_cards_give_the_same_bytes() {
    let page = || page_of(vec![full_card("a"), full_card("b")]);
    assert_eq!(page(), page());
}

#[test]
fn cards_are_taken_one_at_a_time() {
    let folder = TempDir::new().unwrap();
    let part = || {
        let files = files_below(folder.path());
        assert_eq!(files.len(), 1, "the page is not there before it is complete");
        fs::metadata(&files[0]).unwrap().len()
    };
    let (taken, last_size) = (Cell::new(0), Cell::new(0));
    let card = full_card("a");
    let one = serde_json::to_string(&card).unwrap().len() as u64;
    let cards = (0..40).map(|_| {
        // All cards before this one are on disk, but for what a buffer holds.
        last_size.set(part());
        assert!(last_size.get() + 16_384 > taken.get() * one);
        taken.set(taken.get() + 1);
        Ok(card.clone())
    });
    write_report(&folder.path().join("report.html"), &run(), cards).unwrap();
    assert_eq!(taken.get(), 40);
    assert!(last_size.get() > 30 * one, "the file grew as cards were taken");
}

#[test]
fn a_card_that_cannot_be_had_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("report.html");
    let cards = [Ok(full_card("a")), Err(io::Error::other("the disk is gone"))];
    let error = write_report(&path, &run(), cards.into_iter()).unwrap_err();
    assert!(error.to_string().ends_with("report.html` cannot be written"), "{error}");
    assert!(files_below(folder.path()).is_empty());
}

#[test]
fn a_run_without_images_has_a_page() {
    let page = page_of(Vec::new());
    assert!(page.contains("<dd>1\u{202f}200</dd>"));
    // Nothing was found, so that objects are not counted.
    assert!(!page.contains("<dt>objects</dt>"));
}

//! The curve of precision over recall as a picture.

use std::fmt::Write;

use super::Scores;

/// A published result, to compare with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The method.
    pub name: &'static str,
    /// ODS on the 200 test images of BSDS500.
    pub ods: f64,
}

impl Published {
    /// Figures as their papers give them: *Segment Anything* (table 3) for Sobel, Canny, HED and
    /// itself; structured edges in Dollár and Zitnick (2015); people in Arbelaez et al. (2011).
    pub const ALL: [Self; 6] = [
        Self { name: "people", ods: 0.80 },
        Self { name: "HED", ods: 0.788 },
        Self { name: "SAM ViT-H", ods: 0.768 },
        Self { name: "structured edges", ods: 0.746 },
        Self { name: "Canny", ods: 0.600 },
        Self { name: "Sobel", ods: 0.539 },
    ];
}

/// Side of the plot, in pixels, and what lies around it.
const SIDE: f64 = 480.0;
const MARGIN: f64 = 56.0;
/// Width of the legend.
const LEGEND: f64 = 220.0;

/// An SVG picture: the curve, its best point, and lines of equal F measure, of which the published
/// methods' are drawn and named. (A published F measure says nothing of precision and recall apart.)
pub fn plot(scores: &Scores, title: &str) -> String {
    let (width, height) = (SIDE + 2.0 * MARGIN + LEGEND, SIDE + 2.0 * MARGIN);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="{MARGIN}" y="28" font-size="16">{}</text>
"##,
        escaped(title)
    );
    axes(&mut svg);
    for (i, published) in Published::ALL.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        line(&mut svg, &equal_f(published.ods), colour, r#" stroke-dasharray="4 3""#);
        entry(&mut svg, i + 2, colour, &format!("F {:.3}  {}", published.ods, published.name));
    }
    let points: Vec<_> = scores.curve.iter().map(|p| (p.recall, p.precision)).collect();
    line(&mut svg, &points, "#000", r#" stroke-width="2.5""#);
    let best = scores.ods.point;
    let (x, y) = place(best.recall, best.precision);
    put(&mut svg, format_args!(r##"<circle cx="{x:.1}" cy="{y:.1}" r="5" fill="#000"/>"##));
    let summary = format!("F {:.3}  this result (ODS)", scores.ods.f);
    entry(&mut svg, 0, "#000", &summary);
    svg.push_str("</svg>\n");
    svg
}

const COLOURS: [&str; 6] = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d"];

fn put(svg: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string never fails.
    let _ = writeln!(svg, "{line}");
}

fn place(recall: f64, precision: f64) -> (f64, f64) {
    (MARGIN + SIDE * recall, MARGIN + SIDE * (1.0 - precision))
}

fn axes(svg: &mut String) {
    put(
        svg,
        format_args!(
            r##"<rect x="{MARGIN}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>"##
        ),
    );
    for tenth in (0..=10).step_by(2) {
        let value = f64::from(tenth) / 10.0;
        let (x, y) = (place(value, 0.0), place(0.0, value));
        for (from, to) in [(x, place(value, 1.0)), (y, place(1.0, value))] {
            put(
                svg,
                format_args!(
                    r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="#ddd"/>"##,
                    from.0, from.1, to.0, to.1
                ),
            );
        }
        put(
            svg,
            format_args!(
                r##"<text x="{:.1}" y="{:.1}" text-anchor="middle">{value:.1}</text><text x="{:.1}" y="{:.1}" text-anchor="end">{value:.1}</text>"##,
                x.0,
                x.1 + 18.0,
                y.0 - 8.0,
                y.1 + 4.0
            ),
        );
    }
    let (x, y) = place(0.5, 0.0);
    put(
        svg,
        format_args!(
            r##"<text x="{x:.1}" y="{:.1}" text-anchor="middle">recall</text>"##,
            y + 40.0
        ),
    );
    let (x, y) = place(0.0, 0.5);
    put(
        svg,
        format_args!(
            r##"<text x="{:.1}" y="{y:.1}" text-anchor="middle" transform="rotate(-90 {:.1} {y:.1})">precision</text>"##,
            x - 40.0,
            x - 40.0
        ),
    );
}

/// The line on which the F measure is `f`.
fn equal_f(f: f64) -> Vec<(f64, f64)> {
    let first = f / (2.0 - f);
    let recalls = (0..=50).map(|i| first + (1.0 - first) * f64::from(i) / 50.0);
    recalls.map(|recall| (recall, f * recall / (2.0 * recall - f))).collect()
}

fn line(svg: &mut String, points: &[(f64, f64)], colour: &str, style: &str) {
    let places: Vec<String> = points
        .iter()
        .map(|&(recall, precision)| place(recall, precision))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    put(
        svg,
        format_args!(
            r##"<polyline points="{}" fill="none" stroke="{colour}"{style}/>"##,
            places.join(" ")
        ),
    );
}

/// A line of the legend.
fn entry(svg: &mut String, row: usize, colour: &str, text: &str) {
    let (x, y) = (2.0 * MARGIN + SIDE - 32.0, MARGIN + 12.0 + 20.0 * row as f64);
    put(
        svg,
        format_args!(
            r##"<rect x="{x}" y="{:.1}" width="18" height="4" fill="{colour}"/><text x="{:.1}" y="{:.1}">{}</text>"##,
            y - 6.0,
            x + 26.0,
            y,
            escaped(text)
        ),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::{Counts, Protocol, scores};

    #[test]
    fn every_point_of_a_line_has_its_f() {
        for f in [0.5, 0.8] {
            for (recall, precision) in equal_f(f) {
                assert!((2.0 * recall * precision / (recall + precision) - f).abs() < 1e-9);
                assert!((0.0..=1.0 + 1e-9).contains(&precision));
            }
        }
    }

    #[test]
    fn titles_cannot_break_the_picture() {
        let protocol = Protocol { thresholds: 2, ..Protocol::default() };
        let svg = plot(&scores(&[vec![Counts::default(); 2]], &protocol), "a <b> & c");
        assert!(svg.contains("a &lt;b&gt; &amp; c") && svg.ends_with("</svg>\n"));
    }
}

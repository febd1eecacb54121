//! Filled polygons against pycocotools (`fixtures/make_polygons.py`), to the pixel.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use samkit_core::{Mask, Rle, Size};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    kind: String,
    width: u32,
    height: u32,
    polygons: Vec<Vec<f64>>,
    counts: String,
}

fn points(numbers: &[f64]) -> &[[f64; 2]] {
    numbers.as_chunks().0
}

/// Compares all cases, and returns the number of polygons.
fn compared(text: &str) -> usize {
    let cases: Vec<Case> = serde_json::from_str(text).expect("the fixture is valid");
    for (number, case) in cases.iter().enumerate() {
        let size = Size::new(case.width, case.height);
        let polygons: Vec<_> = case.polygons.iter().map(|numbers| points(numbers)).collect();
        let mask = Rle::from_polygons(size, &polygons);
        assert_eq!(
            mask.counts_string(),
            case.counts,
            "case {number} ({}) of {size}: {:?}",
            case.kind,
            case.polygons
        );
    }
    cases.iter().map(|case| case.polygons.len()).sum()
}

#[test]
fn filled_polygons_and_their_unions_equal_pycocotools() {
    let count = compared(include_str!("fixtures/polygons.json"));
    assert!(count > 350, "{count}");
    match std::env::var_os("SAMKIT_POLYGONS") {
        Some(path) => {
            let count = compared(&std::fs::read_to_string(path).expect("the file is there"));
            println!("{count} more polygons compared");
        }
        None => println!("skipped: SAMKIT_POLYGONS names no file with more polygons"),
    }
}

#[test]
fn rings_leave_holes_out() {
    let size = Size::new(8, 6);
    let outer = [[1.0, 1.0], [7.0, 1.0], [7.0, 5.0], [1.0, 5.0]];
    let hole = [[3.0, 2.0], [5.0, 2.0], [5.0, 4.0], [3.0, 4.0]];
    let mask = Rle::from_rings(size, &[outer, hole]).to_mask();
    let wanted = Mask::from_fn(size, |x, y| {
        let is_hole = (3..5).contains(&x) && (2..4).contains(&y);
        (1..7).contains(&x) && (1..5).contains(&y) && !is_hole
    });
    assert_eq!(mask, wanted);
    // Two polygons are united instead.
    assert_eq!(Rle::from_polygons(size, &[outer, hole]), Rle::from_polygons(size, &[outer]));
}

#[test]
fn less_than_a_polygon_and_numbers_that_are_none_give_a_mask() {
    let size = Size::new(4, 3);
    let none: [&[[f64; 2]]; 0] = [];
    assert_eq!(Rle::from_polygons(size, &none).area(), 0);
    assert_eq!(
        Rle::from_polygons(size, &[&[][..], &[[1.0, 1.0]], &[[0.0, 0.0], [4.0, 3.0]]]).area(),
        0
    );
    assert_eq!(
        Rle::from_polygons(Size::new(0, 5), &[[[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]]).area(),
        0
    );
    let wild = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0];
    for x in wild {
        for y in wild {
            let mask = Rle::from_polygons(size, &[[[x, y], [2.0, y], [x, 1.0], [4.0, 3.0]]]);
            assert_eq!(mask.to_mask().size(), size);
        }
    }
}

#[test]
fn sides_as_long_as_numbers_go_take_no_longer() {
    let start = Instant::now();
    let size = Size::new(50, 40);
    let far = 1e8;
    let zigzag: Vec<_> = (0..20_000)
        .map(|corner| if corner % 2 == 0 { [-far, -far + f64::from(corner)] } else { [far, far] })
        .collect();
    let mask = Rle::from_polygons(size, &[zigzag]);
    assert!(mask.counts().len() <= size.area() + 1);
    // Walked in fifths of a pixel it would be 10¹³ steps.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn a_union_has_the_pixels_that_any_mask_has(
        seeds in prop::collection::vec((0u32..1000, 1u32..9), 0..6),
        width in 1u32..20,
        height in 1u32..20,
    ) {
        let size = Size::new(width, height);
        let has = |&(seed, cell): &(u32, u32), x: u32, y: u32| {
            (x / cell * 7 + y / cell * 13 + seed).is_multiple_of(3)
        };
        let mask = |seed| Rle::from_mask(&Mask::from_fn(size, |x, y| has(seed, x, y)));
        let any = Mask::from_fn(size, |x, y| seeds.iter().any(|seed| has(seed, x, y)));
        prop_assert_eq!(Rle::united(size, seeds.iter().map(mask)), Rle::from_mask(&any));
    }
}

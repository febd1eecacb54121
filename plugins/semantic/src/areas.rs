//! How much of an image each class has.

use samkit_core::{Rle, Size};
use samkit_plugin::Table;
use serde_json::json;

/// A row for every class that is there: its masks, its pixels, and their share of the image. A pixel
/// counts once, for the smallest mask that it lies in; `masks` come with their classes' names.
pub(crate) fn areas(size: Size, masks: &[(&Rle, &str)]) -> Table {
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(masks[index].0.area()));
    let mut owner: Vec<Option<usize>> = vec![None; size.area()];
    for index in order {
        let mask = masks[index].0.to_mask();
        let inside = owner.iter_mut().zip(mask.pixels()).filter(|(_, is_inside)| **is_inside);
        inside.for_each(|(owner, _)| *owner = Some(index));
    }
    let mut names: Vec<&str> = masks.iter().map(|(_, name)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let row = |name: &&str| {
        let count = masks.iter().filter(|(_, other)| other == name).count();
        let is_own = |owner: &&Option<usize>| owner.is_some_and(|index| masks[index].1 == *name);
        let pixels = owner.iter().filter(is_own).count();
        let share = (pixels as f64 / size.area() as f64 * 1e6).round() / 1e6;
        vec![json!(name), json!(count), json!(pixels), json!(share)]
    };
    let columns = ["class", "masks", "pixels", "share"].map(str::to_owned).to_vec();
    Table { columns, rows: names.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use samkit_core::Mask;

    use super::*;

    #[test]
    fn a_pixel_counts_for_the_smallest_mask() {
        let size = Size::new(10, 2);
        let mask = |from: u32, to: u32| {
            Rle::from_mask(&Mask::from_fn(size, |x, _| (from..to).contains(&x)))
        };
        let (wide, narrow, apart) = (mask(0, 6), mask(2, 4), mask(9, 10));
        let table = areas(size, &[(&narrow, "eye"), (&wide, "cat"), (&apart, "eye")]);
        assert_eq!(table.rows[0], [json!("cat"), json!(1), json!(8), json!(0.4)]);
        assert_eq!(table.rows[1], [json!("eye"), json!(2), json!(6), json!(0.3)]);
        assert!(areas(size, &[]).rows.is_empty());
    }
}

//! Numbers of masks in the picture.

use std::num::NonZeroU32;

use image::RgbImage;

use super::{
    depth::{UNIT, depths},
    palette,
    text::{self, RasterHeight, draw_tag_at, tag_size},
};

/// Heights of letters, the largest first.
const HEIGHTS: [RasterHeight; 4] =
    [RasterHeight::Size32, RasterHeight::Size24, RasterHeight::Size20, RasterHeight::Size16];
/// Pixels between a mask and the number beside it.
const GAP: i64 = 2;

/// Left, top, right and bottom, the last two after the last pixel.
type Area = [i64; 4];

/// What is seen of a mask.
#[derive(Clone, Copy)]
struct Seen {
    pixels: i64,
    area: Area,
    deepest: u32,
    /// Sums over the deepest pixels, and their number.
    deep: [i64; 3],
    /// The deepest pixel that is nearest to the middle of all deepest ones, and how near.
    place: (i64, i64),
    distance: i64,
}

/// A number where it will be drawn.
struct Tag {
    rank: usize,
    area: Area,
    height: RasterHeight,
}

/// Draws numbers: `ranks` has for every pixel whose mask is seen there, from 1, and `order` for every rank,
/// from 0, the mask's place in the list.
pub(super) fn draw(picture: &mut RgbImage, ranks: &[Option<NonZeroU32>], order: &[usize]) {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let seen = seen(ranks, width as usize, order.len());
    let number = |rank: usize| (order[rank] + 1).to_string();
    let largest = text::height(picture.dimensions());
    let mut tags = Vec::new();
    let mut outside = Vec::new();
    for (rank, seen) in seen.iter().enumerate().filter(|(_, seen)| seen.pixels > 0) {
        let fitting = HEIGHTS.into_iter().filter(|height| *height as usize <= largest as usize);
        match fitting.into_iter().find_map(|height| inside(seen, &number(rank), height)) {
            Some((area, height)) => tags.push(Tag { rank, area, height }),
            None => outside.push(rank),
        }
    }
    for rank in outside {
        let small = RasterHeight::Size16;
        let is_in_picture = |a: &Area| a[0] >= 0 && a[1] >= 0 && a[2] <= width && a[3] <= height;
        let own = NonZeroU32::new(rank as u32 + 1);
        let is_mask = |x: i64, y: i64| ranks[(y * width + x) as usize] == own;
        let may_be = |a: &Area| {
            is_in_picture(a)
                && !tags.iter().any(|tag: &Tag| overlap(a, &tag.area))
                && !(a[1]..a[3]).any(|y| (a[0]..a[2]).any(|x| is_mask(x, y)))
        };
        let area = beside(&seen[rank], tag_size(&number(rank), small), may_be, (width, height));
        tags.push(Tag { rank, area, height: small });
    }
    for Tag { rank, area, height } in tags {
        let corner = (area[0], area[1]);
        draw_tag_at(picture, corner, &number(rank), palette::color(rank), height);
    }
}

fn seen(ranks: &[Option<NonZeroU32>], width: usize, count: usize) -> Vec<Seen> {
    let nothing = Seen {
        pixels: 0,
        area: [i64::MAX, i64::MAX, 0, 0],
        deepest: 0,
        deep: [0; 3],
        place: (0, 0),
        distance: i64::MAX,
    };
    let mut all = vec![nothing; count];
    let depths = depths(ranks, width);
    let pixels = || {
        let places = (0..ranks.len()).map(|index| ((index % width) as i64, (index / width) as i64));
        let pixels = places.zip(ranks).zip(&depths);
        pixels.filter_map(|((place, rank), depth)| {
            Some((place, rank.as_ref()?.get() as usize - 1, *depth))
        })
    };
    for ((x, y), rank, depth) in pixels() {
        let seen = &mut all[rank];
        let [left, top, right, bottom] = seen.area;
        seen.area = [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)];
        seen.pixels += 1;
        if depth > seen.deepest {
            (seen.deepest, seen.deep) = (depth, [0; 3]);
        }
        if depth == seen.deepest {
            let [xs, ys, count] = seen.deep;
            seen.deep = [xs + x, ys + y, count + 1];
        }
    }
    for ((x, y), rank, depth) in pixels() {
        let seen = &mut all[rank];
        let [xs, ys, count] = seen.deep;
        let distance = (x - xs / count).pow(2) + (y - ys / count).pow(2);
        if depth == seen.deepest && distance < seen.distance {
            (seen.place, seen.distance) = ((x, y), distance);
        }
    }
    all
}

/// The place of a number inside its mask, where it is deep enough and covers at most a third.
fn inside(seen: &Seen, number: &str, height: RasterHeight) -> Option<(Area, RasterHeight)> {
    let (wide, high) = tag_size(number, height);
    let is_deep = 2 * i64::from(seen.deepest / UNIT) >= high;
    (is_deep && 3 * wide * high <= seen.pixels).then(|| {
        let (left, top) = (seen.place.0 - wide / 2, seen.place.1 - high / 2);
        ([left, top, left + wide, top + high], height)
    })
}

/// A place right, left, below or above the mask's deepest spot, or else of all that is seen of it: the
/// first that lies in the picture and covers neither the mask nor another number; else right of the
/// spot, as far as the picture goes.
fn beside(
    seen: &Seen,
    (wide, high): (i64, i64),
    may_be: impl Fn(&Area) -> bool,
    picture: (i64, i64),
) -> Area {
    let reach = i64::from(seen.deepest / UNIT);
    let (x, y) = seen.place;
    let spot = [x - reach, y - reach, x + reach, y + reach];
    let around = |[left, top, right, bottom]: Area| {
        let (x, y) = ((left + right - wide) / 2, (top + bottom - high) / 2);
        [(right + GAP, y), (left - GAP - wide, y), (x, bottom + GAP), (x, top - GAP - high)]
    };
    let area = |(x, y): (i64, i64)| [x, y, x + wide, y + high];
    let places = [around(spot), around(seen.area)].into_iter().flatten().map(area);
    places.into_iter().find(may_be).unwrap_or_else(|| {
        let x = (spot[2] + GAP).min(picture.0 - wide).max(0);
        area((x, (y - high / 2).min(picture.1 - high).max(0)))
    })
}

fn overlap(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

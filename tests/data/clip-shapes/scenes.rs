//! Pictures whose contents are known: coloured shapes on a quiet background, with their masks.
//!
//! For tests that ask for objects by text, together with the small CLIP of this folder; include it
//! with `#[path]`. The same number always gives the same scene. `scenes.py` draws the same ones, and
//! the tables are those of `shapes.py`.
#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use std::f64::consts::PI;

use image::{Rgb, RgbImage};

/// Size of every scene in pixels.
pub(crate) const WIDTH: u32 = 512;
/// Size of every scene in pixels.
pub(crate) const HEIGHT: u32 = 384;

/// The colours and how they are painted.
pub(crate) const COLOURS: [(&str, [u8; 3]); 8] = [
    ("red", [215, 35, 40]),
    ("green", [40, 160, 60]),
    ("blue", [40, 70, 210]),
    ("yellow", [240, 220, 50]),
    ("orange", [245, 135, 25]),
    ("purple", [125, 45, 165]),
    ("cyan", [60, 205, 220]),
    ("pink", [250, 145, 190]),
];

/// The shapes.
pub(crate) const SHAPES: [&str; 6] = ["circle", "square", "triangle", "star", "cross", "ring"];

/// The pairs that were in no training picture and in no training caption.
pub(crate) const HELD_OUT: [(&str, &str); 8] = [
    ("red", "star"),
    ("green", "square"),
    ("blue", "ring"),
    ("yellow", "cross"),
    ("orange", "circle"),
    ("purple", "triangle"),
    ("cyan", "star"),
    ("pink", "square"),
];

/// A picture and what is in it.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The picture, [`WIDTH`] × [`HEIGHT`].
    pub(crate) image: RgbImage,
    /// 3 to 8 objects, at least 8 pixels apart.
    pub(crate) objects: Vec<Object>,
}

/// One object of a scene.
#[derive(Debug)]
pub(crate) struct Object {
    /// A name of [`COLOURS`].
    pub(crate) colour: &'static str,
    /// A name of [`SHAPES`].
    pub(crate) shape: &'static str,
    /// The pixels at least half of which are covered, row by row over the whole picture.
    pub(crate) mask: Vec<bool>,
    /// The first and the last column and row of the mask: x0, y0, x1, y1, all inside.
    pub(crate) bbox: [u32; 4],
}

impl Object {
    /// What to ask for: `a red circle`.
    pub(crate) fn query(&self) -> String {
        let article = if self.colour == "orange" { "an" } else { "a" };
        format!("{article} {} {}", self.colour, self.shape)
    }

    /// Whether the network was trained without this pair of colour and shape.
    pub(crate) fn is_held_out(&self) -> bool {
        HELD_OUT.contains(&(self.colour, self.shape))
    }
}

/// Draws scene `number`.
pub(crate) fn scene(number: u64) -> Scene {
    let mut random = Random(number);
    let mut canvas = background(&mut random);
    let mut placed: Vec<Placed> = Vec::new();
    let mut objects = Vec::new();
    for _ in 0..3 + random.below(6) {
        let (colour, shape) = (random.below(COLOURS.len()), random.below(SHAPES.len()));
        let rgb =
            COLOURS[colour].1.map(|c| (f64::from(c) + random.between(-12.0, 12.0)).min(255.0));
        if let Some(place) = Placed::find(&mut random, &placed) {
            let (mask, bbox) = paint(&mut canvas, SHAPES[shape], rgb, &place);
            objects.push(Object { colour: COLOURS[colour].0, shape: SHAPES[shape], mask, bbox });
            placed.push(place);
        }
    }
    let image = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Rgb(canvas[(y * WIDTH + x) as usize].map(|c| (c + 0.5).floor() as u8))
    });
    Scene { image, objects }
}

/// Where an object lies: the circle around it and its turn in radians.
struct Placed {
    x: f64,
    y: f64,
    radius: f64,
    turn: f64,
}

impl Placed {
    /// A free place, unless 200 tries find none. Half of the objects stand nearly upright.
    fn find(random: &mut Random, others: &[Self]) -> Option<Self> {
        let radius = random.between(25.0, 60.0);
        let tilt = if random.below(2) == 0 { 0.08 } else { 1.0 };
        let turn = tilt * random.between(-PI, PI);
        let border = radius + 4.0;
        (0..200).find_map(|_| {
            let x = random.between(border, f64::from(WIDTH) - border);
            let y = random.between(border, f64::from(HEIGHT) - border);
            let free =
                |other: &Self| (other.x - x).hypot(other.y - y) >= other.radius + radius + 8.0;
            others.iter().all(free).then_some(Self { x, y, radius, turn })
        })
    }
}

/// Grey with a tint: plain, a gradient, soft noise or grain.
fn background(random: &mut Random) -> Vec<[f64; 3]> {
    let kind = random.below(4);
    let grey = random.between(60.0, 205.0);
    let base: [f64; 3] = std::array::from_fn(|_| grey + random.between(-16.0, 16.0));
    let angle = random.between(-PI, PI);
    let steep = random.between(-45.0, 45.0);
    let slope: [f64; 3] = std::array::from_fn(|_| steep + random.between(-8.0, 8.0));
    let (columns, rows) = (WIDTH as usize / 32 + 1, HEIGHT as usize / 32 + 1);
    let lattice: Vec<f64> = (0..columns * rows).map(|_| random.between(-30.0, 30.0)).collect();
    let mut out = Vec::with_capacity((WIDTH * HEIGHT) as usize);
    for y in 0..HEIGHT as usize {
        for x in 0..WIDTH as usize {
            let (fx, fy) = (x as f64 / 32.0, y as f64 / 32.0);
            let ramp = (fx - 8.0) / 8.0 * angle.cos() + (fy - 6.0) / 8.0 * angle.sin();
            let more = match kind {
                1 => slope.map(|s| s * ramp),
                2 => [soft_noise(&lattice, columns, fx, fy); 3],
                3 => std::array::from_fn(|_| random.between(-18.0, 18.0)),
                _ => [0.0; 3],
            };
            out.push(std::array::from_fn(|c| (base[c] + more[c]).clamp(0.0, 255.0)));
        }
    }
    out
}

/// Bilinear between the four points of the lattice around (x, y).
fn soft_noise(lattice: &[f64], columns: usize, x: f64, y: f64) -> f64 {
    let (column, row) = (x as usize, y as usize);
    let (right, down) = (x - column as f64, y - row as f64);
    let at = |i: usize, j: usize| lattice[j * columns + i];
    let above = at(column, row) * (1.0 - right) + at(column + 1, row) * right;
    let below = at(column, row + 1) * (1.0 - right) + at(column + 1, row + 1) * right;
    above * (1.0 - down) + below * down
}

/// Lays the shape over the canvas; its mask and the mask's box.
fn paint(
    canvas: &mut [[f64; 3]],
    shape: &str,
    rgb: [f64; 3],
    place: &Placed,
) -> (Vec<bool>, [u32; 4]) {
    let mut mask = vec![false; canvas.len()];
    let mut bbox = [WIDTH, HEIGHT, 0, 0];
    let (sin, cos) = place.turn.sin_cos();
    let reach =
        |centre: f64| (centre - place.radius - 1.0) as u32..(centre + place.radius + 2.0) as u32;
    for y in reach(place.y) {
        for x in reach(place.x) {
            let dx = (f64::from(x) + 0.5 - place.x) / place.radius;
            let dy = (f64::from(y) + 0.5 - place.y) / place.radius;
            let outside = distance(shape, cos * dx + sin * dy, cos * dy - sin * dx);
            let cover = (0.5 - outside * place.radius).clamp(0.0, 1.0);
            let at = (y * WIDTH + x) as usize;
            canvas[at] = std::array::from_fn(|c| canvas[at][c] * (1.0 - cover) + rgb[c] * cover);
            if cover >= 0.5 {
                mask[at] = true;
                bbox = [bbox[0].min(x), bbox[1].min(y), bbox[2].max(x), bbox[3].max(y)];
            }
        }
    }
    (mask, bbox)
}

/// How far (x, y) lies outside of the shape, negative inside, in radii; exact near straight edges.
fn distance(shape: &str, x: f64, y: f64) -> f64 {
    let r = x.hypot(y);
    match shape {
        "circle" => r - 1.0,
        "square" => x.abs().max(y.abs()) - 0.5_f64.sqrt(),
        "triangle" => (y - 0.5).max(0.75_f64.sqrt() * x.abs() - 0.5 * y - 0.5),
        "star" => star(x, y, r),
        "cross" => (x.abs().max(y.abs()) - 0.95).max(x.abs().min(y.abs()) - 0.31),
        _ => (r - 0.78).abs() - 0.22,
    }
}

/// Five points, inner radius 0.45: the distance to the edge between a tip and its next dent.
fn star(x: f64, y: f64, r: f64) -> f64 {
    let fifth = 2.0 * PI / 5.0;
    let angle = x.atan2(-y);
    let angle = (angle - fifth * (angle / fifth).round()).abs();
    let (dent_x, dent_y) = (0.45 * (PI / 5.0).cos(), 0.45 * (PI / 5.0).sin());
    let length = (dent_x - 1.0).hypot(dent_y);
    let normal = (dent_y / length, (1.0 - dent_x) / length);
    r * (normal.0 * angle.cos() + normal.1 * angle.sin()) - normal.0
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

//! Mixing colours, and how thick a line has to be.

use image::Rgb;

/// `alpha` of `over` on the rest of `under`.
pub(super) fn mix(under: Rgb<u8>, over: Rgb<u8>, alpha: f32) -> Rgb<u8> {
    let channel = |i: usize| {
        let (under, over) = (f32::from(under[i]), f32::from(over[i]));
        (under + (over - under) * alpha).round() as u8
    };
    Rgb([channel(0), channel(1), channel(2)])
}

/// Brightness as the eye weighs the channels (ITU-R BT.601).
pub(super) fn brightness(color: Rgb<u8>) -> f32 {
    0.299 * f32::from(color[0]) + 0.587 * f32::from(color[1]) + 0.114 * f32::from(color[2])
}

/// Width of a thin line that is still seen when an image of this size fills a screen. In a long and low
/// image it is thinner, so that it does not cover everything.
pub(super) fn line_width((width, height): (u32, u32)) -> u32 {
    ((width.max(height) + 400) / 800 + 1).min(width.min(height) / 64 + 1)
}

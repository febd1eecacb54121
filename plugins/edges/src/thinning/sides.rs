//! Edges along the image's sides.
//!
//! Where the network pads the image its masks often stop a pixel or two short of the side, which
//! looks like an edge along it. Edge NMS therefore fades edges out towards the sides.

/// Width of the strip in which edges fade out, in pixels.
const STRIP: u32 = 5;

/// How much of the strength at (`x`, `y`) remains in an image of `width` × `height`, for an edge
/// whose normal has the squares `(nx², ny²)`: an edge along a side fades to 0 at the side, one that
/// runs into it does not, and in between the normal's square weighs.
pub(super) fn remaining(
    (x, y): (u32, u32),
    (width, height): (u32, u32),
    (across_x, across_y): (f32, f32),
) -> f32 {
    let strip = STRIP.min(width / 2).min(height / 2);
    let side = |distance: u32, across: f32| {
        if distance < strip { 1.0 - across * (1.0 - distance as f32 / strip as f32) } else { 1.0 }
    };
    side(x, across_x)
        * side(width - 1 - x, across_x)
        * side(y, across_y)
        * side(height - 1 - y, across_y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_along_a_side_fade_and_those_that_run_into_it_do_not() {
        let upright = (1.0, 0.0);
        assert_eq!(remaining((0, 20), (40, 40), upright), 0.0);
        // f32 rounding: 1 − (1 − 1/5).
        assert!((remaining((38, 20), (40, 40), upright) - 0.2).abs() < 1e-6);
        assert_eq!(remaining((5, 20), (40, 40), upright), 1.0);
        assert_eq!(remaining((20, 0), (40, 40), upright), 1.0);
        assert_eq!(remaining((20, 0), (40, 40), (0.5, 0.5)), 0.5);
    }

    #[test]
    fn an_image_of_one_row_has_no_strip() {
        assert_eq!(remaining((0, 0), (9, 1), (1.0, 1.0)), 1.0);
    }
}

//! Colours that are told apart.

use image::Rgb;

/// Steps of the golden angle: however many colours are taken, their hues spread evenly.
const HUE_STEP: f32 = 0.618_034;
/// Saturation and value. The hues come close to earlier ones after 8, 13, 21 and 34 steps, none of
/// which is a multiple of 5, so these differ there.
const TONES: [(f32, f32); 5] = [(0.85, 1.0), (0.6, 0.95), (1.0, 0.8), (0.7, 0.75), (0.9, 0.9)];

/// The colour of number `index`, always the same.
pub(crate) fn color(index: usize) -> Rgb<u8> {
    let hue = (0.58 + index as f32 * HUE_STEP).fract();
    let (saturation, value) = TONES[index % TONES.len()];
    from_hsv(hue, saturation, value)
}

/// Hue, saturation and value, all from 0 to 1, as RGB.
fn from_hsv(hue: f32, saturation: f32, value: f32) -> Rgb<u8> {
    let channel = |offset: f32| {
        let k = (offset + hue * 6.0) % 6.0;
        let light = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (light * 255.0).round() as u8
    };
    Rgb([channel(5.0), channel(3.0), channel(1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsv_hits_the_corners_of_the_cube() {
        assert_eq!(from_hsv(0.0, 1.0, 1.0), Rgb([255, 0, 0]));
        assert_eq!(from_hsv(1.0 / 3.0, 1.0, 1.0), Rgb([0, 255, 0]));
        assert_eq!(from_hsv(2.0 / 3.0, 1.0, 1.0), Rgb([0, 0, 255]));
        assert_eq!(from_hsv(0.3, 0.0, 0.5), Rgb([128, 128, 128]));
    }

    #[test]
    fn the_first_colours_are_far_apart() {
        let colors: Vec<_> = (0..24).map(color).collect();
        for (index, a) in colors.iter().enumerate() {
            for b in &colors[..index] {
                let distance: i32 = (0..3).map(|i| (i32::from(a[i]) - i32::from(b[i])).abs()).sum();
                assert!(distance > 30, "{a:?} and {b:?}");
            }
        }
    }
}

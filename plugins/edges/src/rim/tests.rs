//! The rim against the recipe as the paper writes it: filter everything, multiply.

use image::{ImageBuffer, Luma};
use imageproc::{
    filter::{filter, gaussian_blur_f32},
    kernel::Kernel,
};
use proptest::prelude::*;
use samkit_core::Size;

use super::{RimPixel, rim_gradients};
use crate::Border;

type Plain = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Sobel magnitude of a whole image; `imageproc` replicates the outermost pixels, and a frame of
/// zeros around the image makes it see zeros.
fn sobel_magnitude(image: &Plain, border: Border) -> Plain {
    let margin = u32::from(border == Border::Zero);
    let (width, height) = image.dimensions();
    let mut framed = Plain::new(width + 2 * margin, height + 2 * margin);
    image::imageops::replace(&mut framed, image, margin.into(), margin.into());
    let derivative =
        |kernel: [f32; 9]| -> Plain { filter(&framed, Kernel::new(&kernel, 3, 3), |sum: f32| sum) };
    let dx = derivative([-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]);
    let dy = derivative([-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0]);
    Plain::from_fn(width, height, |x, y| {
        let at = |image: &Plain| image[(x + margin, y + margin)][0];
        Luma([at(&dx).hypot(at(&dy))])
    })
}

fn plain_rim(logits: &[f32], size: Size, border: Border, smoothing: f32) -> Vec<RimPixel> {
    let image = |value: &dyn Fn(f32) -> f32| {
        let values = logits.iter().map(|&logit| value(logit)).collect();
        Plain::from_raw(size.width, size.height, values).expect("one value a pixel")
    };
    let mut probabilities = image(&|logit| 1.0 / (1.0 + (-logit).exp()));
    if smoothing > 0.0 {
        probabilities = gaussian_blur_f32(&probabilities, smoothing);
    }
    let strengths = sobel_magnitude(&probabilities, border);
    let rim = sobel_magnitude(&image(&|logit| f32::from(u8::from(logit > 0.0))), border);
    let pixels = strengths.iter().zip(rim.iter()).enumerate();
    pixels
        .filter(|(_, (_, rim))| **rim != 0.0)
        .map(|(index, (&strength, _))| RimPixel { index, strength })
        .collect()
}

/// Logits of a blob with a rough rim, somewhere in, or partly out of, an image.
fn blob() -> impl Strategy<Value = (Size, Vec<f32>)> {
    let image = (1_u32..30, 1_u32..30);
    image.prop_flat_map(|(width, height)| {
        let size = Size::new(width, height);
        let noise = prop::collection::vec(-2.0_f32..2.0, size.area());
        let centre = (-3.0_f32..33.0, -3.0_f32..33.0, 0.0_f32..12.0);
        (noise, centre).prop_map(move |(noise, (cx, cy, radius))| {
            let logits = noise.iter().enumerate().map(|(index, noise)| {
                let (x, y) = (index % width as usize, index / width as usize);
                radius - (x as f32 - cx).hypot(y as f32 - cy) + noise
            });
            (size, logits.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn only_the_rim_equals_everything_multiplied(
        (size, logits) in blob(),
        border in prop_oneof![Just(Border::Replicate), Just(Border::Zero)],
        smoothing in prop_oneof![Just(0.0_f32), 0.3_f32..3.0],
    ) {
        let rim = rim_gradients(&logits, size, border, smoothing);
        let plain = plain_rim(&logits, size, border, smoothing);
        let indices = |rim: &[RimPixel]| rim.iter().map(|pixel| pixel.index).collect::<Vec<_>>();
        prop_assert_eq!(indices(&rim), indices(&plain));
        for (pixel, plain) in rim.iter().zip(&plain) {
            // Six differences of values up to 1, added in another order.
            prop_assert!((pixel.strength - plain.strength).abs() < 4e-6, "{pixel:?} {plain:?}");
        }
    }
}

#[test]
fn a_mask_that_leaves_the_image_has_no_edge_there_unless_padded_with_zeros() {
    let size = Size::new(5, 4);
    let full = vec![9.0; size.area()];
    assert_eq!(rim_gradients(&full, size, Border::Replicate, 0.0), []);
    assert_eq!(rim_gradients(&full, size, Border::Zero, 0.0).len(), 14);
}

#[test]
fn an_empty_mask_has_no_rim() {
    let size = Size::new(3, 3);
    assert_eq!(rim_gradients(&[0.0; 9], size, Border::Zero, 1.0), []);
}

#[test]
fn an_upright_step_has_a_rim_of_two_columns() {
    let size = Size::new(6, 2);
    let row = [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0];
    let rim = rim_gradients(&[row, row].concat(), size, Border::Replicate, 0.0);
    assert_eq!(rim.iter().map(|pixel| pixel.index).collect::<Vec<_>>(), [2, 3, 8, 9]);
    // Four times the difference of the two probabilities across the step.
    let expected = 4.0 * (1.0 / (1.0 + (-1.0_f32).exp()) - 1.0 / (1.0 + 1.0_f32.exp()));
    assert!((rim[0].strength - expected).abs() < 1e-6, "{}", rim[0].strength);
}

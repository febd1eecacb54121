//! Artifacts with anything in their fields: they are refused or shown, and never more than that.
//! `PROPTEST_CASES=100000000` makes a long run of it.
#![allow(unsafe_code, reason = "plays the other side of the border")]

use proptest::{collection::vec, option, prelude::*, sample::select};
use samkit_core::Size;
use samkit_plugin::{
    abi,
    artifact::{View, view},
};

/// What dimensions, counts and lengths may be: small enough for `MEMORY`, or impossible.
const NUMBERS: [i64; 9] = [i64::MIN, -1, 0, 1, 2, 3, 4, 1 << 40, i64::MAX];
/// Any list that a small count may refer to fits in here.
static MEMORY: [u64; 1024] = [0; 1024];

/// Null, crooked, or pointing to plenty of zeros.
fn pointer<T: 'static>() -> impl Strategy<Value = *const T> {
    select(vec![0_usize, 1, 2]).prop_map(|choice| match choice {
        0 => std::ptr::null(),
        1 => MEMORY.as_ptr().cast::<u8>().wrapping_add(1).cast(),
        _ => MEMORY.as_ptr().cast(),
    })
}

fn number() -> impl Strategy<Value = i64> {
    select(NUMBERS.to_vec())
}

fn words() -> impl Strategy<Value = abi::Str> {
    (pointer::<u8>(), number()).prop_map(|(data, len)| abi::Str { data, len: len as usize })
}

/// A tensor whose lists are still to be set.
fn tensor() -> impl Strategy<Value = abi::Tensor> {
    let dtype = (0..4_u8, select(vec![8_u8, 16, 32]), 1..3_u16)
        .prop_map(|(code, bits, lanes)| abi::DataType { code, bits, lanes });
    let ndim = select(vec![0_u32, 1, 2, 3, 8, u32::MAX]);
    (pointer(), ndim, dtype).prop_map(|(data, ndim, dtype)| abi::Tensor {
        data,
        ndim,
        dtype,
        ..abi::Tensor::NONE
    })
}

fn artifact() -> impl Strategy<Value = abi::Artifact> {
    let sides = (0..5_u32, 0..5_u32);
    (0..9_u32, tensor(), sides, pointer(), number(), words()).prop_map(
        |(kind, tensor, (width, height), regions, count, text)| {
            let mut artifact = abi::Artifact::empty(kind, abi::Str::EMPTY);
            (artifact.tensor, artifact.text) = (tensor, text);
            (artifact.width, artifact.height) = (width, height);
            (artifact.regions, artifact.region_count) = (regions, count as usize);
            artifact
        },
    )
}

proptest! {
    #[test]
    fn any_artifact_is_refused_or_consistent(
        artifact in artifact(),
        shape in vec(number(), 8),
        strides in option::of(vec(number(), 8)),
        knows_size: bool,
    ) {
        let mut artifact = artifact;
        artifact.tensor.shape = shape.as_ptr();
        artifact.tensor.strides = strides.as_ref().map_or(std::ptr::null(), |list| list.as_ptr());
        let image = knows_size.then_some(Size::new(2, 3));
        // SAFETY: every pointer is null, crooked, or has as much behind it as a small count asks for;
        // larger counts are impossible ones.
        let Ok(view) = (unsafe { view(&artifact, image, "it") }) else { return Ok(()) };
        match view {
            View::Image(pixels) => {
                prop_assert_eq!(pixels.data.len(), pixels.size.area() * pixels.channels as usize);
            }
            View::EdgeMap(map) => {
                prop_assert_eq!(map.as_raw().len(), (map.width() * map.height()) as usize);
                prop_assert!(image.is_none_or(|size| size == map.dimensions().into()));
            }
            View::Boxes(regions) | View::Masks(regions) => {
                prop_assert!(image.is_none_or(|size| size == regions.size()));
                regions.iter().for_each(|region| drop(region.to_region()));
            }
            View::Text(text) => prop_assert!(text.len() <= 4),
            View::Table(_) => prop_assert!(false, "zeros are not JSON"),
        }
    }
}

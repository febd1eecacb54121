//! The cache of embeddings: what is found again, what is not, and what is no use.

use std::fs;

use image::{Rgb, RgbImage, imageops};
use samkit_engine::{DeviceKind, Embedding, EmbeddingCache, Sam};
use tempfile::TempDir;

/// Stands for the hash of the weights.
const WEIGHTS: &str = "these weights";

fn setup() -> Option<(Sam, TempDir, EmbeddingCache)> {
    let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
    let sam = Sam::load(&weights, DeviceKind::Cpu).expect("the weights load");
    let folder = tempfile::tempdir().expect("a folder");
    let cache = EmbeddingCache::open(&folder.path().join("made/here")).expect("a cache");
    Some((sam, folder, cache))
}

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 3) as u8, (x ^ y) as u8]))
}

fn bits(embedding: &Embedding) -> Vec<u32> {
    embedding.to_vec().expect("values").into_iter().map(f32::to_bits).collect()
}

#[test]
fn what_is_kept_equals_what_is_encoded_to_the_bit() {
    let Some((sam, _folder, cache)) = setup() else { return };
    let image = picture(60, 40);
    let fresh = sam.encode(&image).expect("an embedding");
    for from_cache in [false, true] {
        let got = cache.get_or_encode(&sam, WEIGHTS, &image).expect("an embedding");
        assert_eq!(got.from_cache, from_cache);
        assert!(got.problems.is_empty(), "{:?}", got.problems);
        assert!(bits(&got.embedding) == bits(&fresh), "from the cache: {from_cache}");
        assert_eq!(got.embedding.image_size(), fresh.image_size());
    }
    assert_eq!(sam.timings().images_encoded, 2, "one for the test, one for the cache");
}

#[test]
fn pixels_size_and_weights_tell_embeddings_apart() {
    let Some((sam, _folder, cache)) = setup() else { return };
    let image = picture(60, 40);
    let mut other_pixel = image.clone();
    other_pixel[(59, 39)][2] ^= 1;
    // The same bytes in the same order, in lines of another length.
    let other_size = RgbImage::from_raw(40, 60, image.as_raw().clone()).expect("as many pixels");
    let turned = imageops::rotate180(&image);
    let paths = [&image, &other_pixel, &other_size, &turned].map(|i| cache.path(&sam, WEIGHTS, i));
    let other_weights = cache.path(&sam, "other weights", &image);
    for (index, path) in paths.iter().enumerate() {
        assert!(!paths[..index].contains(path) && *path != other_weights);
    }
    assert_eq!(cache.path(&sam, WEIGHTS, &image), paths[0]);
}

#[test]
fn bad_files_are_encoded_again_and_replaced() {
    let Some((sam, _folder, cache)) = setup() else { return };
    let image = picture(60, 40);
    cache.get_or_encode(&sam, WEIGHTS, &image).expect("an embedding");
    let path = cache.path(&sam, WEIGHTS, &image);
    let sound = fs::read(&path).expect("the file");
    // An embedding of the same network and image size, but by other weights.
    cache.get_or_encode(&sam, "other weights", &image).expect("an embedding");
    let foreign = fs::read(cache.path(&sam, "other weights", &image)).expect("the file");
    let mut damaged = sound.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    let bad: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", b"no safetensors"),
        ("truncated", &sound[..sound.len() - 4]),
        ("damaged", &damaged),
        ("foreign", &foreign),
    ];
    for (what, bytes) in bad {
        fs::write(&path, bytes).expect("writable");
        let got = cache.get_or_encode(&sam, WEIGHTS, &image).expect("an embedding");
        assert!(!got.from_cache, "{what}");
        assert_eq!(got.problems.len(), 1, "{what}: {:?}", got.problems);
        let again = cache.get_or_encode(&sam, WEIGHTS, &image).expect("an embedding");
        assert!(again.from_cache, "{what}: it was not replaced");
        assert!(bits(&again.embedding) == bits(&got.embedding), "{what}");
    }
}

#[test]
fn a_file_that_cannot_be_replaced_does_no_harm() {
    let Some((sam, _folder, cache)) = setup() else { return };
    let image = picture(60, 40);
    fs::create_dir(cache.path(&sam, WEIGHTS, &image)).expect("a folder in the file's place");
    let got = cache.get_or_encode(&sam, WEIGHTS, &image).expect("an embedding");
    assert_eq!((got.from_cache, got.problems.len()), (false, 2), "not read and not written");
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("taken"), "a file").expect("writable");
    let error = EmbeddingCache::open(&folder.path().join("taken/kept")).expect_err("no folder");
    assert!(error.to_string().contains("cannot keep embeddings in the folder"), "{error}");
}

//! CLIP: a folder of weights, configuration and tokenizer from one model repository.
//!
//! # Where the figures are from
//! Revisions, sizes and hashes were read in public listings of others (lock files, download
//! scripts and checksum tables that pin the same repositories), not on files of our own:
//! - ViT-B/32: every figure stands in at least three independent listings. The repository's `main`
//!   (`3d74acf…`) has PyTorch weights only; revision `b33cedf…` (`refs/pr/15`) is the same with
//!   `model.safetensors` added.
//! - ViT-B/16: `pytorch_model.bin` in ten listings, both JSON files in two or more. The revision
//!   with safetensors (`5ef227a…`, `refs/pr/17`) is named in several, but no listing could be tied
//!   to the hash of its file with certainty: not pinned.
//! - ViT-L/14 at 336 pixels: `pytorch_model.bin` in nine listings, `config.json` in two, no hash
//!   of `tokenizer.json`: not pinned. No revision with safetensors was found.
//! - TinyCLIP: `model.safetensors` in seven listings; `tokenizer.json` is ViT-B/32's, as one
//!   listing says. The length of `config.json` stands in none: not pinned.
//!
//! # Licences
//! The repositories of OpenAI's weights state none; `MIT` is the licence of the code that they were
//! published with. TinyCLIP's states MIT.

use super::{Conversion, FileSpec, Hash, ModelSpec, Source, file};

const HUB: &str = "https://huggingface.co/";
/// The most that is accepted of files that are not pinned: a configuration has 4 kB, a tokenizer
/// 2 MB.
const CONFIG_LIMIT: u64 = 64 << 10;
const TOKENIZER_LIMIT: u64 = 4 << 20;

/// Both JSON files of ViT-B/32, the same in both revisions.
const B32_CONFIG: (u64, &str) =
    (4_186, "b575ef3c36f2a057fa19e221650105052d61cc9c1a972ec15019c6261ec98770");
const B32_TOKENIZER: (u64, &str) =
    (2_224_041, "b556ac8c99757ffb677208af34bc8c6721572114111a6e0aaf5fa69ff0b8d842");
const B16_MAIN: &str = "57c216476eefef5ab752ec549e440a49ae4ae5f3";
const B16_CONVERTED: &str = "5ef227a78de3f75873f373246dac80def63b0003";

pub(super) fn vit_b32() -> ModelSpec {
    let json = || {
        [
            file("config.json", B32_CONFIG.0, B32_CONFIG.1),
            file("tokenizer.json", B32_TOKENIZER.0, B32_TOKENIZER.1),
        ]
    };
    let safetensors = file(
        "model.safetensors",
        605_157_884,
        "99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d",
    );
    let pytorch = file(
        "pytorch_model.bin",
        605_247_071,
        "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    );
    let repository = "openai/clip-vit-base-patch32";
    clip(
        "clip-vit-b32",
        "CLIP ViT-B/32: texts and images in one space of 512 dimensions",
        vec![
            source(repository, "b33cedfd0df4e43b8238760678fcc89e1a0d38b3/", safetensors, json()),
            source(repository, "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268/", pytorch, json()),
        ],
    )
}

/// The pinned source comes first, though its weights have to be converted.
pub(super) fn vit_b16() -> ModelSpec {
    let at = |revision: &str, name: &str| format!("{revision}/{name}");
    let json = || {
        [
            file(
                &at(B16_MAIN, "config.json"),
                4_104,
                "eaf1c9089a8553c913d27ea66407f8bfc2be9989c80c9f331ddb3d63d4c5e8ad",
            ),
            file(
                &at(B16_MAIN, "tokenizer.json"),
                2_224_003,
                "a83e0809aa4c3af7208b2df632a7a69668c6d48775b3c3fe4e1b1199d1f8b8f4",
            ),
        ]
    };
    let pytorch = file(
        &at(B16_MAIN, "pytorch_model.bin"),
        598_641_023,
        "ec89c7b09c749a60aae3c9cd910516f24b58214a7df060b48962d14c469cfbf0",
    );
    let safetensors = unpinned(&at(B16_CONVERTED, "model.safetensors"), 600_000_000);
    let repository = "openai/clip-vit-base-patch16";
    clip(
        "clip-vit-b16",
        "CLIP ViT-B/16: as ViT-B/32, from smaller patches: finer and slower",
        vec![source(repository, "", pytorch, json()), source(repository, "", safetensors, json())],
    )
}

pub(super) fn vit_l14_336() -> ModelSpec {
    let json = [
        file(
            "config.json",
            4_757,
            "51b1c14aabcdf639c4a0370eeda1010b773bbe1df78319c7d0f5882c22ac0ac0",
        ),
        unpinned("tokenizer.json", TOKENIZER_LIMIT),
    ];
    let pytorch = file(
        "pytorch_model.bin",
        1_711_974_081,
        "c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801",
    );
    clip(
        "clip-vit-l14-336",
        "CLIP ViT-L/14 for images of 336 pixels: the most accurate of OpenAI's",
        vec![source(
            "openai/clip-vit-large-patch14-336",
            "ce19dc912ca5cd21c8a653c79e251e808ccabcd1/",
            pytorch,
            json,
        )],
    )
}

pub(super) fn tiny() -> ModelSpec {
    let json = [
        unpinned("config.json", CONFIG_LIMIT),
        file("tokenizer.json", B32_TOKENIZER.0, B32_TOKENIZER.1),
    ];
    let safetensors = file(
        "model.safetensors",
        93_812_468,
        "9339ee3d736344d0ddcaa6c03edc9f89688f08caaea5401220885233da726fcc",
    );
    clip(
        "tiny-clip",
        "TinyCLIP ViT-8M/16: a distilled CLIP, small and fast",
        vec![source(
            "wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M",
            "a2a8c6eaa2549ad66eb7c31b85022bf58273a26c/",
            safetensors,
            json,
        )],
    )
}

fn clip(id: &str, description: &str, sources: Vec<Source>) -> ModelSpec {
    ModelSpec {
        id: id.to_owned(),
        description: description.to_owned(),
        licence: "MIT".to_owned(),
        sources,
        conversion: Conversion::Clip,
    }
}

/// `revision` ends with a slash, or is empty where the names begin with one.
fn source(repository: &str, revision: &str, weights: FileSpec, json: [FileSpec; 2]) -> Source {
    let [config, tokenizer] = json;
    Source::Http {
        folder: format!("{HUB}{repository}/resolve/{revision}"),
        files: vec![weights, config, tokenizer],
    }
}

fn unpinned(name: &str, at_most: u64) -> FileSpec {
    FileSpec { name: name.to_owned(), size: at_most, sha256: Hash::FromHub }
}

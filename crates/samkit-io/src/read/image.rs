//! Any image file as 8-bit RGB.

use std::{
    fmt,
    io::{Cursor, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits, RgbImage,
    error::{LimitErrorKind, UnsupportedErrorKind},
    metadata::Orientation,
};
use samkit_core::Size;

use super::{ReadError, animation::is_animated, jpeg, read_bytes, tiff::has_pages};

/// How large an image may be: a guard against files that are small on disk and huge in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Pixels in the image. Default: 100 million, e.g. 12,500×8,000.
    pub max_pixels: u64,
    /// Bytes of the file, and again bytes that the decoder may ask for. Default: 1 GiB.
    pub max_memory: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_memory: 1 << 30 }
    }
}

/// A decoded image.
#[derive(Clone, PartialEq)]
pub struct LoadedImage {
    /// The pixels, upright.
    pub image: RgbImage,
    /// What had to be done to the image, or left out, to arrive there; for people to read.
    pub notes: Vec<String>,
}

impl fmt::Debug for LoadedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = Size::from(self.image.dimensions());
        write!(f, "LoadedImage({size}, {:?})", self.notes)
    }
}

/// Reads an image into 8-bit RGB.
///
/// The format is told by the content, not by the name: BMP, GIF, JPEG, PNG, PNM, QOI, TIFF and
/// WebP. What a file holds beyond 8-bit RGB is reduced in the way of the tools that the reference
/// is used with, and named in [`LoadedImage::notes`]:
/// - 16 bits are rounded to 8; grey is repeated in three channels; palettes are looked up;
/// - alpha is dropped, without a background (Pillow's `convert("RGB")`, OpenCV's `imread`);
/// - CMYK and YCCK become RGB by `(255 − ink)·(255 − key) / 255`, the inks of a JPEG being stored
///   inverted as Adobe does; colour profiles are ignored;
/// - the rotation in EXIF is applied;
/// - of an animation, or of a TIFF with several pages, the first picture is taken.
///
/// # Errors
/// When there is no such file, it is not an image, is damaged or cut, has no pixels, is larger than
/// `limits`, or is stored in a way that cannot be reduced to 8 bits (floating point).
pub fn read_image(path: &Path, limits: &ReadLimits) -> Result<LoadedImage, ReadError> {
    decode_image(path, &read_file(path, limits)?, limits)
}

/// The bytes of an image's file, for [`decode_image`].
///
/// # Errors
/// When there is no such file, it is empty or no ordinary file, cannot be read, or is larger than
/// `limits`.
pub fn read_file(path: &Path, limits: &ReadLimits) -> Result<Vec<u8>, ReadError> {
    read_bytes(path, limits.max_memory)
}

/// [`read_image`] of a file that is in memory already: who also keeps its bytes, or their hash, knows
/// that they are those of these pixels, whatever becomes of the file. `path` is for messages.
///
/// # Errors
/// As [`read_image`].
pub fn decode_image(
    path: &Path,
    bytes: &[u8],
    limits: &ReadLimits,
) -> Result<LoadedImage, ReadError> {
    let format = recognise(path, bytes)?;
    let file = File { path, bytes, format, name: format_name(format), limits };
    // Decoders of damaged files are a classic place for panics; one bad image stops no batch.
    catch_unwind(AssertUnwindSafe(|| file.load()))
        .unwrap_or_else(|_| Err(file.damaged("the decoder gave up")))
}

/// The size of an image, as [`read_image`] would give it, by what `bytes` begin with.
pub(super) fn size(path: &Path, bytes: &[u8], limits: &ReadLimits) -> Result<Size, ReadError> {
    let format = recognise(path, bytes)?;
    let file = File { path, bytes, format, name: format_name(format), limits };
    catch_unwind(AssertUnwindSafe(|| file.size()))
        .unwrap_or_else(|_| Err(file.damaged("the decoder gave up")))
}

/// An image file in memory, of a known format.
struct File<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    format: ImageFormat,
    name: &'static str,
    limits: &'a ReadLimits,
}

impl File<'_> {
    fn size(&self) -> Result<Size, ReadError> {
        let mut decoder = self.decoder()?;
        let (width, height) = decoder.dimensions();
        self.check_size(Size::new(width, height))?;
        Ok(match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => Size::new(height, width),
            _ => Size::new(width, height),
        })
    }

    fn load(&self) -> Result<LoadedImage, ReadError> {
        if self.format == ImageFormat::Jpeg && !jpeg::is_complete(self.bytes) {
            return Err(self.damaged("the file ends before the picture does"));
        }
        let mut decoder = self.decoder()?;
        let (width, height) = decoder.dimensions();
        self.check_size(Size::new(width, height))?;
        if decoder.total_bytes() > self.limits.max_memory {
            return Err(self.too_much_memory());
        }
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let color = decoder.color_type();
        if is_floating_point(color) {
            return Err(self.unsupported("floating-point samples"));
        }

        let mut notes = Vec::new();
        let mut pixels =
            DynamicImage::from_decoder(decoder).map_err(|error| self.explain(error))?;
        if orientation != Orientation::NoTransforms {
            pixels.apply_orientation(orientation);
            notes.push(format!("{} as its EXIF data say", transformation(orientation)));
        }
        if color.bytes_per_pixel() / color.channel_count() == 2 {
            notes.push("reduced from 16 bits to 8".into());
        }
        if is_transparent(&pixels) {
            notes.push("transparency left out: the colours are those stored under it".into());
        }
        if is_animated(self.bytes, self.format, self.limits.max_memory) {
            notes.push("animation: the first picture was taken".into());
        }
        if self.format == ImageFormat::Tiff && has_pages(self.bytes) {
            notes.push("several pages: the first was taken".into());
        }
        Ok(LoadedImage { image: pixels.into_rgb8(), notes })
    }

    fn decoder(&self) -> Result<impl ImageDecoder, ReadError> {
        let mut reader = ImageReader::with_format(Cursor::new(self.bytes), self.format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(self.limits.max_memory);
        reader.limits(limits);
        reader.into_decoder().map_err(|error| self.explain(error))
    }

    fn check_size(&self, size: Size) -> Result<(), ReadError> {
        let path = || self.path.to_path_buf();
        let pixels = u64::from(size.width) * u64::from(size.height);
        if pixels == 0 {
            return Err(ReadError::ZeroSize { path: path(), size });
        }
        if pixels > self.limits.max_pixels {
            let millions = |pixels: u64| pixels as f64 / 1e6;
            return Err(ReadError::TooLarge {
                path: path(),
                found: format!("{size} pixels ({:.0} million)", millions(pixels)),
                expected: format!("at most {} million", millions(self.limits.max_pixels)),
            });
        }
        Ok(())
    }

    /// The decoder's complaint in samkit's words.
    fn explain(&self, error: ImageError) -> ReadError {
        match error {
            ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => {
                self.too_much_memory()
            }
            ImageError::Unsupported(error) => match error.kind() {
                UnsupportedErrorKind::Color(ExtendedColorType::Unknown(bits)) => {
                    let kinds = "floating point or another unusual colour type";
                    self.unsupported(&format!("{kinds} ({bits} bits a pixel)"))
                }
                UnsupportedErrorKind::GenericFeature(feature) => self.unsupported(&feature),
                _ => self.unsupported(&error.to_string()),
            },
            ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.damaged("the file ends before the picture does")
            }
            other => self.damaged(&chain(&other)),
        }
    }

    fn too_much_memory(&self) -> ReadError {
        ReadError::TooLarge {
            path: self.path.into(),
            found: "decoding takes more memory".into(),
            expected: format!("at most {} MiB", self.limits.max_memory >> 20),
        }
    }

    fn damaged(&self, reason: &str) -> ReadError {
        ReadError::Damaged { path: self.path.into(), format: self.name, reason: reason.into() }
    }

    fn unsupported(&self, reason: &str) -> ReadError {
        ReadError::UnsupportedKind {
            path: self.path.into(),
            format: self.name,
            reason: reason.into(),
        }
    }
}

/// The message of the innermost cause: the outer ones only repeat the format.
fn chain(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn recognise(path: &Path, bytes: &[u8]) -> Result<ImageFormat, ReadError> {
    let unsupported = |format: &str| ReadError::UnsupportedFormat {
        path: path.into(),
        format: format.to_owned(),
    };
    if let Some(name) = foreign_format(bytes) {
        return Err(unsupported(name));
    }
    let format =
        image::guess_format(bytes).map_err(|_| ReadError::NotAnImage { path: path.into() })?;
    if !format.reading_enabled() {
        return Err(unsupported(format_name(format)));
    }
    Ok(format)
}

/// Names of common formats that are known here only to say that they are not read.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    let brand = (bytes.get(4..8) == Some(b"ftyp")).then(|| bytes.get(8..12)).flatten();
    match brand {
        Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1") => return Some("HEIF"),
        Some(b"avif" | b"avis") => return Some("AVIF"),
        Some(_) => return Some("a video or another file of the MP4 family"),
        None => {}
    }
    let known: [(&[u8], &str); 6] = [
        (b"%PDF-", "PDF"),
        (b"8BPS", "a Photoshop document"),
        (b"<svg", "SVG"),
        (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    ];
    known.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, name)| name)
}

fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Qoi => "QOI",
        ImageFormat::Ico => "an icon (ICO)",
        ImageFormat::Hdr => "Radiance HDR",
        ImageFormat::OpenExr => "OpenEXR",
        ImageFormat::Avif => "AVIF",
        ImageFormat::Dds => "DDS",
        ImageFormat::Farbfeld => "farbfeld",
        _ => "a format of its own",
    }
}

fn is_floating_point(color: ColorType) -> bool {
    matches!(color, ColorType::Rgb32F | ColorType::Rgba32F)
}

/// Whether any pixel lets something through.
fn is_transparent(pixels: &DynamicImage) -> bool {
    match pixels {
        DynamicImage::ImageLumaA8(image) => image.pixels().any(|pixel| pixel[1] < u8::MAX),
        DynamicImage::ImageLumaA16(image) => image.pixels().any(|pixel| pixel[1] < u16::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().any(|pixel| pixel[3] < u8::MAX),
        DynamicImage::ImageRgba16(image) => image.pixels().any(|pixel| pixel[3] < u16::MAX),
        _ => false,
    }
}

fn transformation(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::NoTransforms => "left as it is",
        Orientation::Rotate90 => "rotated by 90°",
        Orientation::Rotate180 => "rotated by 180°",
        Orientation::Rotate270 => "rotated by 270°",
        Orientation::FlipHorizontal => "mirrored left to right",
        Orientation::FlipVertical => "mirrored top to bottom",
        Orientation::Rotate90FlipH => "rotated by 90° and mirrored left to right",
        Orientation::Rotate270FlipH => "rotated by 270° and mirrored left to right",
    }
}

//! One web page that shows what a run found.
//!
//! A [`Card`] is what the page needs of one image: a small picture of it, the outlines of the masks,
//! and what steps counted or complained of. It is made while the image is in memory, is one compact
//! value in JSON, and can be put aside until the run ends. [`write_report`] then takes the cards one by
//! one and writes a single HTML file that needs no network and no program but a browser.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use samkit_core::{Mask, Rle, Size};
//! use samkit_io::Instance;
//! use samkit_report::{Card, ResultView, Run, Shown, write_report};
//!
//! # let folder = tempfile::tempdir()?;
//! let photo = RgbImage::from_pixel(40, 30, Rgb([90, 120, 60]));
//! let mask = Rle::from_mask(&Mask::from_fn(Size::new(40, 30), |x, _| x < 20));
//! let things = [Instance {
//!     bbox: mask.bbox(),
//!     label: "half".into(),
//!     category_id: None,
//!     score: Some(0.9),
//!     mask: Some(mask),
//! }];
//! let found = ResultView::new("masks", Shown::Objects(&things));
//! let cards = [
//!     Card::new("photo.jpg", &photo, &[found]).with_seconds(0.8),
//!     Card::failed("note.txt", "this is not an image", Some("leave it out")),
//! ];
//! let run = Run { title: "everything".into(), ..Run::default() };
//! write_report(&folder.path().join("report.html"), &run, cards.into_iter().map(Ok))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod card;
mod escape;
mod object;
mod page;
mod path;
mod picture;
mod run;
mod summary;

pub use card::{Card, ResultView, Shown};
pub use page::write_report;
pub use run::{Run, Totals};

//! Writes an image as binary PPM, exactly as samkit reads it: for references in other languages.
//!
//! ```text
//! cargo run --release -p samkit-detect --example ppm -- IMAGE OUT.ppm
//! ```

use std::{io::Write, path::PathBuf};

use samkit_io::{ReadLimits, read_image};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(image), Some(out)) = (args.next(), args.next()) else {
        return Err("expected IMAGE and OUT.ppm".into());
    };
    let image = read_image(&image, &ReadLimits::default())?.image;
    let mut file = std::fs::File::create(out)?;
    write!(file, "P6\n{} {}\n255\n", image.width(), image.height())?;
    file.write_all(image.as_raw())?;
    Ok(())
}

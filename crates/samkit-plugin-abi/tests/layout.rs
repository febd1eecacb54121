//! The C header and the Rust types describe the same bytes: assertions made from Rust's own sizes and
//! offsets, compiled by a C compiler.

use std::{fmt::Write, fs, mem::offset_of, process::Command};

use samkit_plugin_abi as abi;

/// Assertions for one struct. The pattern without `..` makes a forgotten field an error.
macro_rules! layout {
    ($out:ident, $($name:ident { $($field:ident),+ $(,)? })+) => {$(
        let _ = |abi::$name { $($field: _),+ }: abi::$name| ();
        let size = size_of::<abi::$name>();
        let name = stringify!($name);
        writeln!($out, "_Static_assert(sizeof(Samkit{name}) == {size}, \"{name}\");").unwrap();
        $(
            let (field, offset) = (stringify!($field), offset_of!(abi::$name, $field));
            writeln!(
                $out,
                "_Static_assert(offsetof(Samkit{name}, {field}) == {offset}, \"{name}.{field}\");"
            ).unwrap();
        )+
    )+};
}

/// Assertions for constants.
macro_rules! constants {
    ($out:ident, $($name:ident)+) => {$(
        let (name, value) = (stringify!($name), abi::$name);
        writeln!($out, "_Static_assert(SAMKIT_{name} == {value}, \"{name}\");").unwrap();
    )+};
}

fn assertions() -> String {
    let mut out = "#include \"samkit_plugin.h\"\n".to_owned();
    layout! { out,
        Header { magic, major, minor, size, reserved }
        Str { data, len }
        DataType { code, bits, lanes }
        Tensor { data, ndim, dtype, shape, strides }
        Box { x0, y0, x1, y1 }
        NamedValue { name, value }
        Region { bbox, score, flags, label, values, value_count, rle, rle_count, bitmap }
        Owner { context, release }
        Artifact {
            header, kind, reserved, name, tensor, width, height, regions, region_count, text, owner,
        }
        Slot { name, description, kind, flags, needs }
        Descriptor {
            header, id, name, version, license, description, params_schema, inputs, input_count,
            outputs, output_count, extensions, extension_count,
        }
        Entry { header, descriptor, init, create, run, destroy, last_error }
        Host {
            header, context, threads, reserved, log, progress, is_cancelled, record, get_extension,
            last_error,
        }
        Inputs { header, artifacts, artifact_count }
        Outputs { header, context, put }
        Models { header, weights_path }
        Point { x, y, label }
        Prompt { points, point_count, bbox, mask }
        PredictedMask { logits, predicted_iou, prompt }
        Predictions { masks, mask_count, handle }
        Regions { regions, region_count, handle }
        Measure { area, bbox, stability_score, reserved }
        Sam {
            header, image_width, image_height, input_width, input_height, predict, upsample, mask,
            measure, automatic_masks, release, open_picture,
        }
        Picture { context, sam, handle }
        ClipInfo { dim, image_side, logit_scale }
        Clip { header, describe, embed_texts, embed_images }
    }
    constants! { out,
        MAGIC ABI_MAJOR ABI_MINOR OK FAILED CANCELLED INVALID_PARAMS INVALID_INPUT PANICKED
        UNSUPPORTED WRONG_CALL DTYPE_UINT DTYPE_FLOAT REGION_HAS_SCORE KIND_IMAGE KIND_BOXES
        KIND_MASKS KIND_EDGE_MAP KIND_TEXT KIND_TABLE SLOT_OPTIONAL SLOT_DEFAULT LOG_ERROR LOG_WARN
        LOG_INFO LOG_DEBUG CONTINUE STOP LOW_RES_SIDE LOW_RES_LEN POINT_BACKGROUND POINT_FOREGROUND
        OUTPUT_SINGLE OUTPUT_MULTI OUTPUT_INSIDE MAX_PICTURES
    }
    out
}

fn compile(source: &str, standard: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("layout.c");
    fs::write(&file, source).expect("a file in it");
    let output = Command::new("cc")
        .args([standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/include"))
        .arg(&file)
        .output()
        .expect("a C compiler named cc");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn sizes_offsets_and_constants_are_the_same_in_c() {
    compile(&assertions(), "-std=c11").unwrap();
}

#[test]
fn a_wrong_assertion_would_be_noticed() {
    let wrong = assertions().replace("sizeof(SamkitStr) == 16", "sizeof(SamkitStr) == 24");
    assert!(compile(&wrong, "-std=c11").unwrap_err().contains("Str"));
}

#[test]
fn the_header_is_plain_c99() {
    compile("#include \"samkit_plugin.h\"\n", "-std=c99").unwrap();
}

#[test]
fn the_entry_symbol_carries_the_major_version() {
    assert_eq!(abi::ENTRY_SYMBOL, format!("samkit_plugin_entry_v{}", abi::ABI_MAJOR));
    assert!(abi::C_HEADER.contains(&format!("{}(void);", abi::ENTRY_SYMBOL)));
}

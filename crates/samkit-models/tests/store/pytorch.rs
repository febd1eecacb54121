//! PyTorch files, made by PyTorch itself (`tests/data/make.py`).

use std::path::PathBuf;

use safetensors::SafeTensors;
use samkit_models::{ImportOptions, ModelError, Silent};

use crate::support::*;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", name].iter().collect()
}

/// A tensor as it was stored: shape and values.
type Stored = (Vec<usize>, Vec<f32>);

/// Imports a file and gives access to what came of it.
fn imported(path: PathBuf) -> Result<impl Fn(&str) -> Stored, ModelError> {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w")]);
    let options = ImportOptions { allow_unknown: true };
    let local = folder.store.import(&spec, &[path], &options, &Silent)?;
    let bytes = std::fs::read(local.path).expect("stored");
    Ok(move |name: &str| {
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let tensor = file.tensor(name).expect("the tensor was in the file");
        let (values, _) = tensor.data().as_chunks();
        let values = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        (tensor.shape().to_vec(), values)
    })
}

fn refusal(name: &str) -> String {
    match imported(fixture(name)) {
        Ok(_) => panic!("{name} must be refused"),
        Err(error) => error.to_string(),
    }
}

const RAMP: [f32; 6] = [0., 1., 2., 3., 4., 5.];

#[test]
fn a_modules_state_dict() {
    let tensor = imported(fixture("module.pt")).expect("a state dict");
    assert_eq!(tensor("weight"), (vec![2], vec![1., 1.]));
    assert_eq!(tensor("running_mean"), (vec![2], vec![0., 0.]));
    assert_eq!(tensor("num_batches_tracked"), (vec![], vec![0.]));
}

#[test]
fn views_of_any_stride_become_dense() {
    let tensor = imported(fixture("strides.pt")).expect("a state dict");
    assert_eq!(tensor("transposed"), (vec![3, 2], vec![0., 3., 1., 4., 2., 5.]));
    assert_eq!(tensor("column"), (vec![2], vec![1., 4.]));
    assert_eq!(tensor("every_second"), (vec![3], vec![1., 3., 5.]));
    assert_eq!(tensor("expanded"), (vec![2, 3], vec![1., 1., 1., 2., 2., 2.]));
    assert_eq!(tensor("shared_a"), (vec![2, 3], RAMP.into()));
    assert_eq!(tensor("shared_b"), (vec![3], vec![3., 4., 5.]));
    assert_eq!(tensor("scalar"), (vec![], vec![7.]));
    assert_eq!(tensor("empty"), (vec![0, 4], vec![]));
    assert_eq!(tensor("parameter"), (vec![2, 3], RAMP.map(|v| v + 1.).into()));
}

#[test]
fn every_type_becomes_f32() {
    let tensor = imported(fixture("types.pt")).expect("a state dict");
    assert_eq!(tensor("bool"), (vec![3], vec![1., 0., 1.]));
    for name in
        ["uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
    {
        assert_eq!(tensor(name), (vec![3], vec![1., 0., 100.]), "{name}");
    }
}

#[test]
fn a_training_checkpoint_gives_its_model() {
    for name in ["wrapped_model.pt", "wrapped_state_dict.pth", "protocol4.pt"] {
        let tensor = imported(fixture(name)).expect(name);
        assert_eq!(tensor("w"), (vec![2, 3], RAMP.into()), "{name}");
    }
}

#[test]
fn a_hostile_pickle_is_refused_and_not_executed() {
    let error = imported(fixture("hostile.pt")).err().expect("refused");
    let ModelError::UnsafePickle { callable, .. } = &error else {
        panic!("unexpected {error:?}");
    };
    assert_eq!(callable, "posix.system");
    assert!(!PathBuf::from("executed").exists());
}

#[test]
fn tensors_that_do_not_fit_their_file_are_refused() {
    let reason = refusal("beyond_storage.pt");
    assert!(reason.contains("tensor `w`: it reaches beyond its storage of 6"), "{reason}");
    let reason = refusal("bomb.pt");
    assert!(reason.contains("tensor `w`: it is far larger than the file"), "{reason}");
}

#[test]
fn other_things_that_pytorch_saves_are_called_by_name() {
    for (name, expected) in [
        ("legacy.pt", "from before version 1.6"),
        ("torchscript.pt", "TorchScript"),
        ("no_tensors.pt", "it holds no tensors"),
    ] {
        let reason = refusal(name);
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_truncated_archive_is_an_error_at_every_length() {
    let folder = Folder::new();
    let whole = std::fs::read(fixture("wrapped_model.pt")).expect("a fixture");
    for length in (4..whole.len()).step_by(61) {
        let file = folder.file("cut.pt", &whole[..length]);
        let error = imported(file).err().expect("cut");
        assert!(matches!(error, ModelError::Format { .. }), "{length}: {error:?}");
    }
}

#[test]
fn a_flipped_bit_in_a_tensor_is_found_by_the_archives_checksum() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(fixture("wrapped_model.pt")).expect("a fixture");
    let five = 5f32.to_le_bytes();
    let at = bytes.windows(4).position(|w| w == five).expect("stored plainly");
    bytes[at] ^= 1;
    let error = imported(folder.file("flipped.pt", &bytes)).err().expect("damaged");
    assert!(error.to_string().contains("record `data/0`"), "{error}");
}

//! The real weights, from whichever source works here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::SafeTensors;
use samkit_models::{Store, find, testing};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Reference {
    shape: Vec<usize>,
    sha256: String,
    first: Vec<f64>,
}

/// `tensors.json`: the state dict that the published Python code loads, after
/// BatchNorm was folded by the ONNX export.
fn reference() -> Option<BTreeMap<String, Reference>> {
    let Some(dir) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return None;
    };
    // A relative path is meant from the workspace, where tests are started.
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = workspace.join(dir).join("reference/mobile-sam/tensors.json");
    let text = std::fs::read_to_string(&path).expect("the reference folder has tensors.json");
    Some(serde_json::from_str(&text).expect("well-formed reference"))
}

#[test]
fn every_tensor_is_the_reference_tensor() {
    let Some(weights) = testing::local_or_skip("mobile-sam") else {
        return;
    };
    let Some(reference) = reference() else {
        return;
    };
    let bytes = std::fs::read(weights).expect("stored weights are readable");
    let stored = SafeTensors::deserialize(&bytes).expect("stored weights are safetensors");
    let spec = find("mobile-sam").expect("in the registry");
    let local = Store::open_default().and_then(|store| store.local(spec));
    let from_onnx = local.expect("just found").source.starts_with("npm ");

    let mut names = stored.names();
    names.sort_unstable();
    assert_eq!(names, reference.keys().collect::<Vec<_>>());
    for (name, expected) in &reference {
        let tensor = stored.tensor(name).expect("the name is listed");
        assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
        assert_eq!(tensor.shape(), expected.shape, "{name}");
        let folded = name.ends_with(".c.weight") || name.ends_with(".bn.bias");
        if folded && !from_onnx {
            // Folded here, not by the exporter: a few roundings apart.
            for (bytes, &b) in tensor.data().as_chunks().0.iter().zip(&expected.first) {
                let a = f64::from(f32::from_le_bytes(*bytes));
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{name}: {a} {b}");
            }
        } else {
            let digest = Sha256::digest(tensor.data());
            let sha256: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(sha256, expected.sha256, "{name}");
        }
    }
}

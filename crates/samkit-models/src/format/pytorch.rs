//! PyTorch `.pt` and `.pth` files: a zip archive with a pickle (`data.pkl`) and
//! one record a storage (`data/KEY`), as written by `torch.save` since 1.6.
//!
//! The state dict may be the root or lie under `model`, `state_dict` or
//! `model_state_dict`, as training scripts save it. Entries that are no tensors
//! are passed over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::pickle::{self, Id, PickleError, Storage, TensorRef, Value, Values};
use crate::ModelError;
use crate::tensor::{StateDict, Tensor};

/// Far above any state dict's pickle (Meta's largest has under 100 kB).
const PICKLE_LIMIT: u64 = 64 << 20;

/// Where training scripts keep the state dict.
const WRAPPERS: [&str; 3] = ["model", "state_dict", "model_state_dict"];

/// Reads every tensor of a state dict as `f32`.
pub(crate) fn read(path: &Path) -> Result<StateDict, ModelError> {
    let bad = |reason: String| ModelError::Format {
        path: path.to_owned(),
        format: "a PyTorch state dict",
        reason,
    };
    let file = File::open(path).map_err(ModelError::io("open", path))?;
    let length = file.metadata().map_err(ModelError::io("read", path))?.len();
    let mut archive = Archive::open(file).map_err(bad)?;
    let pickled = archive.record("data.pkl", PICKLE_LIMIT).map_err(bad)?;
    let (values, root) = pickle::read(&pickled).map_err(|e| match e {
        PickleError::Forbidden(callable) => {
            ModelError::UnsafePickle { path: path.to_owned(), callable }
        }
        PickleError::Malformed(reason) => bad(format!("its pickle is malformed: {reason}")),
    })?;
    let by_storage = tensors_by_storage(&values, root).map_err(bad)?;

    // Views can repeat elements at will, so that a tiny file may ask for any
    // amount of memory; real ones stay near their file's size (f16 doubles).
    let mut budget = length.saturating_mul(8).max(64 << 20);
    let mut tensors = StateDict::new();
    for (key, views) in by_storage {
        let bytes = archive.record(&format!("data/{key}"), length).map_err(bad)?;
        for (name, view) in views {
            let tensor = materialise(view, &bytes, &mut budget)
                .map_err(|reason| bad(format!("tensor `{name}`: {reason}")))?;
            tensors.insert(name.to_owned(), tensor);
        }
    }
    Ok(tensors)
}

/// Named tensors by the key of their storage.
type ByStorage<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a TensorRef)>>;

/// The tensors of the state dict, grouped so that each storage is read once.
fn tensors_by_storage(values: &Values, root: Id) -> Result<ByStorage<'_>, String> {
    let tensors = |dict: Id| {
        values.entries(dict).map(|entries| {
            entries.filter_map(|(name, id)| match values.get(id) {
                Value::Tensor(tensor) => Some((name, tensor)),
                _ => None,
            })
        })
    };
    let wrapped = values.entries(root).and_then(|mut entries| {
        entries.find(|&(name, id)| {
            WRAPPERS.contains(&name) && tensors(id).is_some_and(|mut t| t.next().is_some())
        })
    });
    let dict = wrapped.map_or(root, |(_, id)| id);
    let Some(found) = tensors(dict) else {
        return Err("its root is not a dictionary".to_owned());
    };
    let mut grouped = ByStorage::new();
    for (name, tensor) in found {
        let key = tensor.storage.key.as_str();
        grouped.entry(key).or_default().push((name, tensor));
    }
    if grouped.is_empty() {
        return Err("it holds no tensors".to_owned());
    }
    Ok(grouped)
}

/// Gathers a strided view of a storage into a dense tensor.
fn materialise(view: &TensorRef, bytes: &[u8], budget: &mut u64) -> Result<Tensor, String> {
    let TensorRef { storage: Storage { dtype, .. }, offset, shape, stride } = view;
    let product = |n: usize, &d: &usize| n.checked_mul(d);
    let count = shape.iter().try_fold(1, product).ok_or("it is too large")?;
    *budget = (count as u64)
        .checked_mul(size_of::<f32>() as u64)
        .and_then(|cost| budget.checked_sub(cost))
        .ok_or("it is far larger than the file")?;
    if count == 0 {
        return Ok(Tensor::new(shape.clone(), Vec::new()));
    }
    let last = shape
        .iter()
        .zip(stride)
        .try_fold(*offset, |at, (&d, &s)| (d - 1).checked_mul(s)?.checked_add(at));
    let available = bytes.len() / dtype.size();
    if last.is_none_or(|last| last >= available) {
        return Err(format!("it reaches beyond its storage of {available} elements"));
    }

    let element = |at: usize| &bytes[at * dtype.size()..][..dtype.size()];
    if contiguous(shape, stride) {
        let from = offset * dtype.size();
        let data = dtype.decode(&bytes[from..from + count * dtype.size()]);
        return Ok(Tensor::new(shape.clone(), data));
    }
    let mut data = Vec::with_capacity(count);
    let mut index = vec![0; shape.len()];
    for _ in 0..count {
        let at = index.iter().zip(stride).map(|(i, s)| i * s).sum::<usize>() + offset;
        data.extend(dtype.decode(element(at)));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(Tensor::new(shape.clone(), data))
}

fn contiguous(shape: &[usize], stride: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(stride).rev().all(|(&d, &s)| {
        let fits = d == 1 || s == expected;
        expected *= d;
        fits
    })
}

/// The records of a PyTorch archive, without the folder that contains them all.
struct Archive {
    zip: ZipArchive<BufReader<File>>,
    root: String,
}

impl Archive {
    fn open(file: File) -> Result<Self, String> {
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|e| format!("its zip archive is damaged or cut off ({e})"))?;
        let names: Vec<String> = (0..zip.len())
            .filter_map(|i| Some(zip.name_for_index(i)?.ok()?.into_owned()))
            .collect();
        let root = names
            .iter()
            .find_map(|name| name.strip_suffix("data.pkl"))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .ok_or("it is a zip archive without a PyTorch pickle")?
            .to_owned();
        if names.iter().any(|n| *n == format!("{root}constants.pkl")) {
            return Err("it is a TorchScript module; save its state_dict() instead".to_owned());
        }
        let mut archive = Self { zip, root };
        match archive.record("byteorder", 16) {
            Ok(order) if order == b"big" => Err("its numbers are big-endian".to_owned()),
            _ => Ok(archive),
        }
    }

    /// A record's bytes; the archive's own checksum is verified on the way.
    fn record(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, String> {
        let broken = |e: &dyn std::fmt::Display| format!("record `{name}`: {e}");
        let full = format!("{}{name}", self.root);
        let record = self.zip.by_name(&full).map_err(|e| broken(&e))?;
        if record.size() > limit {
            return Err(broken(&"it is larger than the file can hold"));
        }
        let mut bytes = Vec::new();
        record.take(limit + 1).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
        Ok(bytes)
    }
}

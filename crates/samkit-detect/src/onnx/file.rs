//! An ONNX file, read and checked before anything is made of it.

use std::path::Path;

use tract_onnx::{
    Onnx,
    pb::{GraphProto, ModelProto},
    prelude::Framework,
};

use crate::DetectError;

/// The file's graph, made of known operators.
pub(super) fn read(path: &Path, onnx: &Onnx) -> Result<ModelProto, DetectError> {
    let bytes = std::fs::read(path)
        .map_err(|source| DetectError::Read { path: path.to_owned(), source })?;
    let damaged = || DetectError::NotOnnx { path: path.to_owned() };
    let proto = onnx.proto_model_for_read(&mut &bytes[..]).map_err(|_| damaged())?;
    // A file that is cut off behind the graph lacks the version of the operators.
    let is_whole = |graph: &&GraphProto| {
        !graph.node.is_empty() && !graph.input.is_empty() && !proto.opset_import.is_empty()
    };
    let graph = proto.graph.as_ref().filter(is_whole).ok_or_else(damaged)?;
    let mut unknown = Vec::new();
    add_unknown(graph, onnx, &mut unknown);
    unknown.sort();
    unknown.dedup();
    match unknown.is_empty() {
        true => Ok(proto),
        false => Err(DetectError::Operators { path: path.to_owned(), operators: unknown }),
    }
}

/// Operators that the runtime does not have, those of loops and branches too.
fn add_unknown(graph: &GraphProto, onnx: &Onnx, unknown: &mut Vec<String>) {
    for node in &graph.node {
        if !onnx.op_register.0.contains_key(&node.op_type) {
            unknown.push(node.op_type.clone());
        }
        for inner in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            add_unknown(inner, onnx, unknown);
        }
    }
}

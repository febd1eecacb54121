//! The few fields of ONNX that weights are recovered from: nodes in execution
//! order, and constant tensors. Field numbers are those of `onnx.proto`.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;

use crate::ModelError;
use crate::tensor::{Dtype, Tensor};

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
}

/// One operation of a graph.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, optional, tag = "5")]
    t: Option<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

/// `TensorProto.DataType`.
const FLOAT: i32 = 1;

/// A graph: its operations in execution order and its `f32` constants by name.
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: HashMap<String, Tensor>,
}

/// Reads a graph with its weights inside.
pub(crate) fn read(path: &Path) -> Result<Graph, ModelError> {
    let bad = |reason: String| ModelError::Format { path: path.to_owned(), format: "ONNX", reason };
    let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
    let graph = ModelProto::decode(&bytes[..])
        .map_err(|e| bad(e.to_string()))?
        .graph
        .ok_or_else(|| bad("it holds no graph".to_owned()))?;
    let mut nodes = graph.node;
    let inline = nodes.iter_mut().filter(|node| node.op_type == "Constant");
    let inline =
        inline.filter_map(|node| Some((node.output.first()?.clone(), node.attribute.pop()?.t?)));
    let initializers = graph.initializer.into_iter().map(|t| (t.name.clone(), t));
    let mut constants = HashMap::new();
    for (name, tensor) in initializers.chain(inline) {
        if tensor.data_type == FLOAT {
            let dense = dense(tensor).map_err(|e| bad(format!("tensor `{name}`: {e}")))?;
            constants.insert(name, dense);
        }
    }
    Ok(Graph { nodes, constants })
}

fn dense(tensor: TensorProto) -> Result<Tensor, String> {
    if tensor.data_location != 0 {
        return Err("its data is in another file".to_owned());
    }
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|&d| d.try_into().ok()).collect();
    let shape = shape.ok_or("it has a negative dimension")?;
    let data = if tensor.raw_data.is_empty() {
        tensor.float_data
    } else {
        Dtype::F32.decode(&tensor.raw_data)
    };
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if count != Some(data.len()) {
        return Err(format!("{} values for shape {shape:?}", data.len()));
    }
    Ok(Tensor::new(shape, data))
}

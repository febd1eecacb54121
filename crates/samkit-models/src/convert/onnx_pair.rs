//! MobileSAM's state dict recovered from the encoder and decoder as ONNX.
//!
//! The export folded BatchNorm into the convolutions and renamed what it
//! transposed or reshaped, but kept the order of execution. So each kind of
//! nameless constant is matched, in that order, with the same kind of tensor in
//! the [`Layout`]; everything else has kept its name.

use std::collections::HashMap;

use super::layout::{Layout, check_shape};
use super::mobile_sam;
use crate::format::onnx::{Graph, Node};
use crate::tensor::{StateDict, Tensor};

/// Recovers the state dict; the graphs may come in either order.
pub(crate) fn recover(a: &Graph, b: &Graph) -> Result<StateDict, String> {
    let is_decoder = |graph: &Graph| {
        let mut names = graph.constants.keys();
        names.any(|name| name.contains("iou_prediction_head"))
    };
    let (encoder, decoder) = match (is_decoder(a), is_decoder(b)) {
        (false, true) => (a, b),
        (true, false) => (b, a),
        _ => return Err("the ONNX files are not one encoder and one decoder".to_owned()),
    };
    let layout = mobile_sam::layout();
    let mut recovery = Recovery { layout: &layout, tensors: StateDict::new() };
    recovery.named(encoder, |name| format!("image_encoder.{name}"));
    recovery.convolutions(encoder)?;
    recovery.matrices(encoder, "image_encoder.")?;
    recovery.attention_biases(encoder)?;
    recovery.channel_norms(encoder, &["image_encoder.neck.1", "image_encoder.neck.3"])?;

    // The exported module held the decoder itself and the rest as `model`.
    recovery.named(decoder, |name| name.strip_prefix("model.").unwrap_or(name).to_owned());
    recovery.matrices(decoder, "mask_decoder.transformer.")?;
    let norms = [
        "prompt_encoder.mask_downscaling.1",
        "prompt_encoder.mask_downscaling.4",
        "mask_decoder.output_upscaling.1",
    ];
    recovery.channel_norms(decoder, &norms)?;
    recovery.tokens(decoder)?;
    layout.select(recovery.tensors)
}

struct Recovery<'a> {
    layout: &'a Layout,
    tensors: StateDict,
}

impl<'a> Recovery<'a> {
    /// Constants that kept their name, up to a prefix.
    fn named(&mut self, graph: &Graph, full_name: impl Fn(&str) -> String) {
        for (name, tensor) in &graph.constants {
            let name = full_name(name);
            if self.layout.shape(&name).is_some() {
                self.tensors.insert(name, tensor.clone());
            }
        }
    }

    /// Convolutions that had a BatchNorm: since the folding they have a bias.
    fn convolutions(&mut self, graph: &Graph) -> Result<(), String> {
        let found = graph.nodes.iter().filter_map(|node| match &node.input[..] {
            [_, weight, bias] if node.op_type == "Conv" => {
                Some((graph.constants.get(weight)?.clone(), graph.constants.get(bias)?.clone()))
            }
            _ => None,
        });
        let names = self.names(|name, _| name.ends_with(".c.weight"));
        for (name, (weight, bias)) in in_step("convolutions", names, found.collect())? {
            let conv = name.trim_end_matches(".c.weight");
            self.put(name, weight)?;
            for (part, tensor) in mobile_sam::identity(bias.data) {
                self.put(&format!("{conv}.bn.{part}"), tensor)?;
            }
        }
        Ok(())
    }

    /// Linear layers without their name: stored transposed, as MatMul wants.
    fn matrices(&mut self, graph: &Graph, prefix: &str) -> Result<(), String> {
        let found = graph.nodes.iter().filter_map(|node| match &node.input[..] {
            [_, weight] if node.op_type == "MatMul" && weight.starts_with("onnx::") => {
                let matrix = graph.constants.get(weight)?;
                (matrix.shape.len() == 2).then(|| matrix.transposed())
            }
            _ => None,
        });
        let names = self.names(|name, shape| {
            name.starts_with(prefix) && name.ends_with(".weight") && shape.len() == 2
        });
        for (name, matrix) in in_step("matrices", names, found.collect())? {
            self.put(name, matrix)?;
        }
        Ok(())
    }

    /// The biases that were gathered by offset and are added before a Softmax.
    fn attention_biases(&mut self, graph: &Graph) -> Result<(), String> {
        let producer: HashMap<&str, &Node> = graph
            .nodes
            .iter()
            .flat_map(|node| node.output.iter().map(move |out| (out.as_str(), node)))
            .collect();
        let softmaxes = graph.nodes.iter().filter(|node| node.op_type == "Softmax");
        let found = softmaxes.filter_map(|node| {
            let add = producer.get(node.input.first()?.as_str())?;
            add.input.iter().find_map(|name| graph.constants.get(name))
        });
        let names = self.names(|name, _| name.ends_with(".attention_biases"));
        for (name, table) in in_step("attention biases", names, found.collect())? {
            let biases = by_offset(table).map_err(|e| format!("tensor `{name}`: {e}"))?;
            self.put(name, biases)?;
        }
        Ok(())
    }

    /// LayerNorms over channels: C×1×1 factors and summands, in turn.
    fn channel_norms(&mut self, graph: &Graph, norms: &[&str]) -> Result<(), String> {
        let operations =
            graph.nodes.iter().filter(|node| matches!(&node.op_type[..], "Mul" | "Add"));
        let found = operations
            .flat_map(|node| &node.input)
            .filter_map(|name| graph.constants.get(name))
            .filter(|tensor| matches!(tensor.shape[..], [_, 1, 1]))
            .collect();
        let names = norms
            .iter()
            .flat_map(|norm| [format!("{norm}.weight"), format!("{norm}.bias")])
            .collect();
        for (name, tensor) in in_step("channel norms", names, found)? {
            let channels = tensor.shape[0];
            self.put(&name, tensor.clone().reshaped(&[channels]))?;
        }
        Ok(())
    }

    /// The learnt tokens: IoU token and mask tokens in one constant, and the
    /// embedding that stands for "no mask prompt".
    fn tokens(&mut self, graph: &Graph) -> Result<(), String> {
        let of_shape = |shape: &[usize]| {
            let mut found = graph.constants.values().filter(|t| t.shape == shape);
            match (found.next(), found.next()) {
                (Some(only), None) => Ok(&only.data),
                _ => Err(format!("expected one constant of shape {shape:?}")),
            }
        };
        let (iou, masks) = of_shape(&[1, 5, 256])?.split_at(256);
        self.put("mask_decoder.iou_token.weight", Tensor::new([1, 256], iou.into()))?;
        self.put("mask_decoder.mask_tokens.weight", Tensor::new([4, 256], masks.into()))?;
        let no_mask = of_shape(&[1, 256, 1, 1])?.clone();
        self.put("prompt_encoder.no_mask_embed.weight", Tensor::new([1, 256], no_mask))
    }

    /// Names of the layout in order of execution.
    fn names(&self, wanted: impl Fn(&str, &[usize]) -> bool) -> Vec<&'a str> {
        let all = self.layout.iter();
        all.filter(|(name, shape)| wanted(name, shape)).map(|(name, _)| name).collect()
    }

    fn put(&mut self, name: &str, tensor: Tensor) -> Result<(), String> {
        let shape = self.layout.shape(name).expect("names come from the layout");
        check_shape(name, shape, &tensor)?;
        self.tensors.insert(name.to_owned(), tensor);
        Ok(())
    }
}

/// Pairs the n-th name with the n-th find.
fn in_step<N, T>(what: &str, names: Vec<N>, found: Vec<T>) -> Result<Vec<(N, T)>, String> {
    if names.len() != found.len() {
        return Err(format!(
            "the graph has {} {what} without a name, expected {}",
            found.len(),
            names.len()
        ));
    }
    Ok(names.into_iter().zip(found).collect())
}

/// Heads × tokens × tokens back to heads × offsets.
///
/// TinyViT numbers the offsets (|Δrow|, |Δcolumn|) of a square window as they
/// first appear, which from the first token is row by row. So the first row of
/// each head's table is its list of biases, and must explain all other rows.
fn by_offset(table: &Tensor) -> Result<Tensor, String> {
    let ([heads, n, m] | [1, heads, n, m]) = table.shape[..] else {
        return Err(format!("shape {:?} is no table of biases", table.shape));
    };
    let side = n.isqrt();
    if n != m || side * side != n {
        return Err(format!("{n}×{m} tokens are no square window"));
    }
    let mut biases = Vec::with_capacity(heads * n);
    for head in table.data.chunks_exact(n * n) {
        let first = &head[..n];
        let explained = (0..n * n).all(|k| {
            let (i, j) = (k / n, k % n);
            let offset = (i / side).abs_diff(j / side) * side + (i % side).abs_diff(j % side);
            head[k] == first[offset]
        });
        if !explained {
            return Err("the biases do not depend on the offset alone".to_owned());
        }
        biases.extend(first);
    }
    Ok(Tensor::new([heads, n], biases))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_are_gathered_from_a_table_of_offsets() {
        // A 2×2 window: tokens 00 01 10 11, offsets none, column, row, both.
        #[rustfmt::skip]
        let table = vec![
            0., 1., 2., 3.,
            1., 0., 3., 2.,
            2., 3., 0., 1.,
            3., 2., 1., 0.,
        ];
        let gathered = by_offset(&Tensor::new([1, 4, 4], table.clone()));
        assert_eq!(gathered, Ok(Tensor::new([1, 4], vec![0., 1., 2., 3.])));

        let mut irregular = table;
        irregular[6] = 9.0;
        assert!(by_offset(&Tensor::new([1, 4, 4], irregular)).is_err());
    }

    #[test]
    fn a_graph_with_another_number_of_layers_is_refused() {
        let error = in_step("matrices", vec!["a", "b"], vec![1]).expect_err("one is missing");
        assert_eq!(error, "the graph has 1 matrices without a name, expected 2");
    }
}

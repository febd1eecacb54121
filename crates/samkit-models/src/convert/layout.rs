//! The tensors a network needs: names and shapes, in order of execution.
//!
//! The names are those of the reference implementations' state dicts. The order
//! matters where a format lost the names: the n-th nameless matrix of an ONNX
//! graph is the n-th matrix here.

use crate::tensor::{StateDict, Tensor};

/// Names and shapes in order of execution.
#[derive(Debug, Default)]
pub(crate) struct Layout(Vec<(String, Vec<usize>)>);

impl Layout {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, shape)| (&name[..], &shape[..]))
    }

    /// The shape of a tensor, if the network has it.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, shape)| shape)
    }

    pub(crate) fn tensor(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.0.push((name.into(), shape.to_vec()));
    }

    /// `weight` of the given shape and `bias` of its first dimension.
    pub(crate) fn affine(&mut self, name: &str, shape: &[usize]) {
        self.tensor(format!("{name}.weight"), shape);
        self.tensor(format!("{name}.bias"), &shape[..1]);
    }

    /// A Linear layer; PyTorch keeps its matrix as outputs × inputs.
    pub(crate) fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.affine(name, &[outputs, inputs]);
    }

    /// Exactly these tensors out of `tensors`; others are dropped.
    ///
    /// # Errors
    /// Names the first tensor that is missing or has another shape.
    pub(crate) fn select(&self, mut tensors: StateDict) -> Result<StateDict, String> {
        let mut selected = StateDict::new();
        for (name, shape) in self.iter() {
            let tensor =
                tensors.remove(name).ok_or_else(|| format!("tensor `{name}` is missing"))?;
            check_shape(name, shape, &tensor)?;
            selected.insert(name.to_owned(), tensor);
        }
        Ok(selected)
    }

    /// The prompt encoder and mask decoder, the same in every model of the
    /// family (width 256, two-way transformer of depth 2, four mask tokens).
    pub(crate) fn prompt_encoder_and_mask_decoder(&mut self) {
        const WIDTH: usize = 256;
        let token = &[1, WIDTH];

        let p = "prompt_encoder";
        self.tensor(format!("{p}.pe_layer.positional_encoding_gaussian_matrix"), &[2, WIDTH / 2]);
        for i in 0..4 {
            self.tensor(format!("{p}.point_embeddings.{i}.weight"), token);
        }
        self.tensor(format!("{p}.not_a_point_embed.weight"), token);
        self.affine(&format!("{p}.mask_downscaling.0"), &[4, 1, 2, 2]);
        self.affine(&format!("{p}.mask_downscaling.1"), &[4]);
        self.affine(&format!("{p}.mask_downscaling.3"), &[16, 4, 2, 2]);
        self.affine(&format!("{p}.mask_downscaling.4"), &[16]);
        self.affine(&format!("{p}.mask_downscaling.6"), &[WIDTH, 16, 1, 1]);
        self.tensor(format!("{p}.no_mask_embed.weight"), token);

        let m = "mask_decoder";
        let t = format!("{m}.transformer");
        for i in 0..2 {
            let layer = format!("{t}.layers.{i}");
            self.attention(&format!("{layer}.self_attn"), WIDTH, WIDTH);
            self.affine(&format!("{layer}.norm1"), &[WIDTH]);
            self.attention(&format!("{layer}.cross_attn_token_to_image"), WIDTH, WIDTH / 2);
            self.affine(&format!("{layer}.norm2"), &[WIDTH]);
            self.linear(&format!("{layer}.mlp.lin1"), WIDTH, 2048);
            self.linear(&format!("{layer}.mlp.lin2"), 2048, WIDTH);
            self.affine(&format!("{layer}.norm3"), &[WIDTH]);
            self.affine(&format!("{layer}.norm4"), &[WIDTH]);
            self.attention(&format!("{layer}.cross_attn_image_to_token"), WIDTH, WIDTH / 2);
        }
        self.attention(&format!("{t}.final_attn_token_to_image"), WIDTH, WIDTH / 2);
        self.affine(&format!("{t}.norm_final_attn"), &[WIDTH]);
        self.tensor(format!("{m}.iou_token.weight"), token);
        self.tensor(format!("{m}.mask_tokens.weight"), &[4, WIDTH]);
        // Transposed convolutions keep inputs first, so the bias is not of
        // their first dimension.
        for (i, inputs, outputs) in [(0, WIDTH, 64), (3, 64, 32)] {
            let up = format!("{m}.output_upscaling.{i}");
            self.tensor(format!("{up}.weight"), &[inputs, outputs, 2, 2]);
            self.tensor(format!("{up}.bias"), &[outputs]);
        }
        self.affine(&format!("{m}.output_upscaling.1"), &[64]);
        for i in 0..4 {
            self.mlp(&format!("{m}.output_hypernetworks_mlps.{i}"), WIDTH, 32);
        }
        self.mlp(&format!("{m}.iou_prediction_head"), WIDTH, 4);
    }

    fn attention(&mut self, name: &str, width: usize, inner: usize) {
        for projection in ["q_proj", "k_proj", "v_proj"] {
            self.linear(&format!("{name}.{projection}"), width, inner);
        }
        self.linear(&format!("{name}.out_proj"), inner, width);
    }

    /// Three layers, the hidden ones as wide as the input.
    fn mlp(&mut self, name: &str, width: usize, outputs: usize) {
        for (i, outputs) in [width, width, outputs].into_iter().enumerate() {
            self.linear(&format!("{name}.layers.{i}"), width, outputs);
        }
    }
}

/// Says so if a tensor has not the shape the network needs.
pub(crate) fn check_shape(name: &str, expected: &[usize], tensor: &Tensor) -> Result<(), String> {
    if tensor.shape == expected {
        return Ok(());
    }
    Err(format!("tensor `{name}` has shape {:?}, expected {expected:?}", tensor.shape))
}

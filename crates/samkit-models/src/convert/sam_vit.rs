//! Meta's Segment Anything (`segment_anything/modeling/image_encoder.py`):
//! a ViT with window attention, and global attention in every quarter's last
//! block.

use super::Layout;

/// Tokens a side of the embedding: 1024 pixels in patches of 16.
const GRID: usize = 64;
/// Tokens a side of an attention window.
const WINDOW: usize = 14;

/// Attention heads of ViT-B, and of ViT-L and ViT-H.
fn heads(embed_dim: usize) -> usize {
    if embed_dim == 768 { 12 } else { 16 }
}

/// The tensors of the network with an encoder of this width and depth.
pub(crate) fn layout(embed_dim: usize, depth: usize) -> Layout {
    let mut layout = Layout::default();
    let e = "image_encoder";
    let head_dim = embed_dim / heads(embed_dim);
    layout.tensor(format!("{e}.pos_embed"), &[1, GRID, GRID, embed_dim]);
    layout.affine(&format!("{e}.patch_embed.proj"), &[embed_dim, 3, 16, 16]);
    for i in 0..depth {
        let block = format!("{e}.blocks.{i}");
        let global = (i + 1).is_multiple_of(depth / 4);
        let side = if global { GRID } else { WINDOW };
        layout.affine(&format!("{block}.norm1"), &[embed_dim]);
        for axis in ["h", "w"] {
            layout.tensor(format!("{block}.attn.rel_pos_{axis}"), &[2 * side - 1, head_dim]);
        }
        layout.linear(&format!("{block}.attn.qkv"), embed_dim, 3 * embed_dim);
        layout.linear(&format!("{block}.attn.proj"), embed_dim, embed_dim);
        layout.affine(&format!("{block}.norm2"), &[embed_dim]);
        layout.linear(&format!("{block}.mlp.lin1"), embed_dim, 4 * embed_dim);
        layout.linear(&format!("{block}.mlp.lin2"), 4 * embed_dim, embed_dim);
    }
    layout.tensor(format!("{e}.neck.0.weight"), &[256, embed_dim, 1, 1]);
    layout.affine(&format!("{e}.neck.1"), &[256]);
    layout.tensor(format!("{e}.neck.2.weight"), &[256, 256, 3, 3]);
    layout.affine(&format!("{e}.neck.3"), &[256]);
    layout.prompt_encoder_and_mask_decoder();
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted in Meta's own modules; 256 more than the published numbers of
    /// parameters, as the positional encoding's matrix is a buffer.
    #[test]
    fn each_size_has_the_published_number_of_parameters() {
        for (embed_dim, depth, tensors, parameters) in
            [(768, 12, 314, 93_735_472), (1024, 24, 482, 312_342_832), (1280, 32, 594, 641_090_608)]
        {
            let layout = layout(embed_dim, depth);
            assert_eq!(layout.iter().count(), tensors);
            let total: usize = layout.iter().map(|(_, s)| s.iter().product::<usize>()).sum();
            assert_eq!(total, parameters + 256);
        }
    }
}

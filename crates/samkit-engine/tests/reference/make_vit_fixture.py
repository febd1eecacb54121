"""A tiny ViT image encoder with random weights, and what Meta's code computes with it.

The layout is that of sam_vit_b (patches of 16, a 64x64 grid, windows of 14 padded to 70x70, global
block between windowed ones, decomposed relative positions, the 256-channel neck) at a size that can
be kept beside the tests: embed_dim 24, 3 heads, 3 blocks of which the second is global. Every tensor
is random, biases and norms included, so that a forgotten or transposed one shows in the output.

    pip install torch torchvision numpy safetensors segment-anything==1.0
    python make_vit_fixture.py            # writes ../fixtures/vit_tiny{,_expected}.safetensors

vit_tiny.safetensors: the state dict with the names of the published checkpoints
(`image_encoder.` first), stored as f16; the reference runs on exactly these values.

vit_tiny_expected.safetensors, f32, for the images `formula.image(w, h)`:
  identity.*  1024x640: nothing to resize, so only the encoder is compared
  resized.*   320x200: through ResizeLongestSide (Pillow) first
  *.values        embedding[0, 0::8, 0::3, 0::3], shape 32 x 22 x 22 (channel, row, column)
  *.channel_sums  embedding summed over the grid, shape 256
Both come from a double-precision run; the file's metadata states how far the single-precision run
of the same code lies from it, which is the floor for any tolerance.
"""
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from segment_anything.modeling import ImageEncoderViT, Sam
from segment_anything.utils.transforms import ResizeLongestSide

import formula

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
GRID, CHANNELS = 64, 256
IMAGES = {"identity": (1024, 640), "resized": (320, 200)}


def encoder():
    net = ImageEncoderViT(
        img_size=16 * GRID, patch_size=16, embed_dim=24, depth=3, num_heads=3, mlp_ratio=4,
        out_chans=CHANNELS, qkv_bias=True, norm_layer=lambda n: torch.nn.LayerNorm(n, eps=1e-6),
        use_rel_pos=True, window_size=14, global_attn_indexes=(1,),
    )
    return net.eval()


def randomise(net, seed=20240607):
    """Scales that let every part matter: attention scores of a few units, and activations near 0.1
    where they enter the first block's norm and the neck's norms, so that their eps shows too."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in net.named_parameters():
            norm = "norm" in name or name in ("neck.1.weight", "neck.1.bias", "neck.3.weight", "neck.3.bias")
            if norm and name.endswith("weight"):
                values = rng.uniform(0.5, 1.5, p.shape)
            elif "rel_pos" in name:
                values = rng.normal(0, 0.5, p.shape)
            elif p.ndim == 1:
                values = rng.normal(0, 0.3, p.shape)
            else:
                fan_in = int(np.prod(p.shape[1:]))
                values = rng.normal(0, 1.2 / np.sqrt(fan_in), p.shape)
            if name == "pos_embed":
                values = rng.normal(0, 1, p.shape)
            if name == "pos_embed" or name.startswith("patch_embed") or name in ("neck.0.weight", "neck.2.weight"):
                values = 0.1 * values
            p.copy_(torch.from_numpy(values).half().to(p.dtype))
    return net


def embed(net, image):
    """The predictor's path: resize, normalise, pad, encode; in the precision of `net`."""
    dtype = net.pos_embed.dtype
    sam = Sam(net, None, None).to(dtype)
    resized = ResizeLongestSide(net.img_size).apply_image(image)
    x = torch.from_numpy(resized).permute(2, 0, 1)[None].to(dtype)
    with torch.no_grad():
        return net(sam.preprocess(x))[0]


def main():
    net = randomise(encoder())
    weights = {f"image_encoder.{k}": v.half().contiguous() for k, v in net.state_dict().items()}
    FIXTURES.mkdir(exist_ok=True)
    save_file(weights, FIXTURES / "vit_tiny.safetensors")

    expected, metadata = {}, {}
    for name, (width, height) in IMAGES.items():
        image = formula.image(width, height)
        single = embed(net.float(), image)
        double = embed(net.double(), image)
        error = (single - double).abs().max().item()
        metadata[f"{name}.single_precision_error"] = f"{error:.1e}"
        print(f"{name}: |embedding| up to {double.abs().max():.2f}, f32 against f64 {error:.1e}")
        expected[f"{name}.values"] = double[::8, ::3, ::3].float().contiguous()
        expected[f"{name}.channel_sums"] = double.sum((1, 2)).float()
    save_file(expected, FIXTURES / "vit_tiny_expected.safetensors", metadata)


if __name__ == "__main__":
    main()

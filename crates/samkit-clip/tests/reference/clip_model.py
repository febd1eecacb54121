"""CLIP models with random weights, and what Hugging Face's transformers makes of them.

Weights are drawn so that every part has a say: attention is far from uniform, no bias is zero.
"""
import json

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel


def formula(width, height):
    """The image of the tests in Rust: every frequency, and hard edges."""
    y, x = np.mgrid[:height, :width]
    kind = ((x // 9 + y // 7) % 3)[..., None]
    smooth = np.stack([7 * x + 13 * y + 50 * c + x * y // 64 for c in range(3)], -1) % 256
    levels = np.where(kind == 0, smooth, np.where(kind == 1, 255, 0))
    return Image.fromarray(levels.astype(np.uint8))


def processor(side):
    return CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    )


def scaled(image, side):
    """The image with its shorter side at `side`, resized along x, then along y.

    That is how Pillow resized when CLIP was trained. Pillow 13 turns the order round where that is
    less work, which changes levels at hard edges.
    """
    width, height = image.size
    long = int(side * max(width, height) / min(width, height))
    size = (side, long) if width <= height else (long, side)
    image = image.resize((size[0], height), Image.BICUBIC)
    return image.resize(size, Image.BICUBIC)


def random_state(config, seed):
    """A state dict whose values half precision holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in CLIPModel(CLIPConfig(**config)).state_dict().items():
        if name.endswith("position_ids"):
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name == "logit_scale":
            noise = torch.tensor(4.6052)
        elif "norm" in name or "layrnorm" in name:
            noise = 0.2 * noise + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            noise = 0.2 * noise
        elif "embedding" in name and "patch" not in name:
            noise = 0.7 * noise
        else:
            inputs = value[0].numel()
            noise = noise * (1.5 if "q_proj" in name or "k_proj" in name else 1.0) / inputs**0.5
        state[name] = noise.half().float().contiguous()
    return state


def expected(config, state, tokenizer, texts, sizes):
    """Normalised embeddings of texts and of formula images of these sizes."""
    model = CLIPModel(CLIPConfig(**config)).eval()
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert all(name.endswith("position_ids") for name in missing.missing_keys)
    positions = config["text_config"]["max_position_embeddings"]
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=positions, return_tensors="pt")
    side = config["vision_config"]["image_size"]
    images = [scaled(formula(*size), side) for size in sizes]
    pixels = processor(side)(images, return_tensors="pt")
    with torch.inference_mode():
        found = [model.get_text_features(**tokens), model.get_image_features(**pixels)]
    found = [getattr(value, "pooler_output", value) for value in found]
    text, image = [torch.nn.functional.normalize(value, dim=-1).tolist() for value in found]
    return {"texts": texts, "text": text, "sizes": sizes, "image": image}


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")

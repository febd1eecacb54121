"""Writes a folder with a whole CLIP of random weights, and its embeddings after transformers.

    pip install torch transformers pillow && python make_random.py FOLDER [vit-b-32|vit-b-16|vit-l-14-336|tiny-clip]

Then `SAMKIT_CLIP_RANDOM_DIR=FOLDER cargo test -p samkit-clip` compares.
"""
import json
import sys
from pathlib import Path

from safetensors.torch import save_file

import clip_model
import vocabulary

# Width, layers and heads of the image tower, then of the text tower; image, patch, dim.
ARCHITECTURES = {
    "vit-b-32": [(768, 12, 12), (512, 12, 8), 224, 32, 512],
    "vit-b-16": [(768, 12, 12), (512, 12, 8), 224, 16, 512],
    "vit-l-14-336": [(1024, 24, 16), (768, 12, 12), 336, 14, 768],
    "tiny-clip": [(256, 10, 4), (256, 3, 4), 224, 16, 512],
}
TEXTS = ["", "a photo of a cat.", "a dog on a red bench, and two bicycles", "猫 🐶 crème", "word " * 100]
SIZES = [[640, 480], [321, 481], [50, 200], [224, 224]]


def stack(width, layers, heads):
    keys = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    return keys | {"num_attention_heads": heads, "hidden_act": "quick_gelu"}


folder = Path(sys.argv[1])
image, text, side, patch, dim = ARCHITECTURES[sys.argv[2] if len(sys.argv) > 2 else "vit-b-32"]
config = {
    "model_type": "clip",
    "projection_dim": dim,
    "text_config": stack(*text) | {"max_position_embeddings": 77, "projection_dim": dim},
    "vision_config": stack(*image) | {"image_size": side, "patch_size": patch, "projection_dim": dim},
}
folder.mkdir(parents=True, exist_ok=True)
pairs = vocabulary.merges()
words = vocabulary.vocabulary(pairs)
tokenizer = vocabulary.tokenizer(pairs)
tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
state = clip_model.random_state(config, 7)
save_file(state, folder / "model.safetensors")
(folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
expected = clip_model.expected(config, state, tokenizer, TEXTS, SIZES)
clip_model.write_json(folder / "expected.json", expected)

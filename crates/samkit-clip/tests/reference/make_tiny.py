"""Writes `fixtures/tiny`: a CLIP of two blocks a tower, and its embeddings after transformers.

    pip install torch transformers pillow && python make_tiny.py
"""
import json
from pathlib import Path

from safetensors.torch import save_file

import clip_model
import vocabulary

FOLDER = Path(__file__).parent.parent / "fixtures" / "tiny"
TEXTS = [
    "", "a", "a photo of a cat.", "A Photo of a CAT.", "two dogs, one bone; and 12 cats!",
    "the quick brown fox jumps over the lazy dog and then runs far away from the farm",
    "crème brûlée", "猫の写真", "🐶🐱", "  spaces\t and\nlines ", "it's", "x" * 60,
]
SIZES = [[40, 40], [100, 60], [33, 90], [7, 9], [400, 31]]


def config(activation, end):
    shared = {"hidden_act": activation, "layer_norm_eps": 1e-5, "projection_dim": 24}
    text = {
        "vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 20, "bos_token_id": len(WORDS) - 2,
        "eos_token_id": end, "pad_token_id": len(WORDS) - 1,
    }
    vision = {
        "hidden_size": 60, "intermediate_size": 100, "num_hidden_layers": 2,
        "num_attention_heads": 3, "image_size": 32, "patch_size": 8,
    }
    return {
        "model_type": "clip", "projection_dim": 24, "logit_scale_init_value": 2.6592,
        "text_config": shared | text, "vision_config": shared | vision,
    }


PAIRS = vocabulary.merges(500)
WORDS = vocabulary.vocabulary(PAIRS)
FOLDER.mkdir(parents=True, exist_ok=True)
tokenizer = vocabulary.tokenizer(PAIRS)
tokenizer.backend_tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)
# The end token 2 stands for "the highest", as in the first published configurations.
quick, exact = config("quick_gelu", 2), config("gelu", len(WORDS) - 1)
state = clip_model.random_state(quick, 1)
save_file(state, FOLDER / "model.safetensors")
(FOLDER / "config.json").write_text(json.dumps(quick, indent=1) + "\n")
(FOLDER / "config.gelu.json").write_text(json.dumps(exact, indent=1) + "\n")
for name, keys in [("expected.json", quick), ("expected.gelu.json", exact)]:
    clip_model.write_json(FOLDER / name, clip_model.expected(keys, state, tokenizer, TEXTS, SIZES))

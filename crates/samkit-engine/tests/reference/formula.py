"""Inputs that a test in any language can rebuild exactly: integer arithmetic only, no files, no seeds."""
import numpy as np


def image(width, height):
    """RGB image, u8, height x width x 3.

    pixel(x, y, c) = (7 x + 13 y + 50 c + floor(x y / 64)) mod 256: ramps whose slope grows to the
    lower right, with a hard edge at each wrap.
    """
    y, x, c = np.ogrid[:height, :width, :3]
    return ((7 * x + 13 * y + 50 * c + x * y // 64) % 256).astype(np.uint8)


def logits(side=256):
    """Low-res logits without any smoothness, f32, side x side, multiples of 1/128 in [-16, 16).

    For the row-major index i, all in wrapping u32 arithmetic:
    v = i * 2654435761 + 12345; v ^= v >> 15; v *= 2246822519; v ^= v >> 13;
    value = ((v >> 20) - 2048) / 128, exact in f32.
    """
    v = np.arange(side * side, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(12345)
    v ^= v >> np.uint32(15)
    v *= np.uint32(2246822519)
    v ^= v >> np.uint32(13)
    values = ((v >> np.uint32(20)).astype(np.float32) - 2048) / 128
    return values.reshape(side, side)

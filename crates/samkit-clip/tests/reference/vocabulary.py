"""CLIP's vocabulary from the list of merges that OpenAI published."""
import gzip
from pathlib import Path

from transformers import CLIPTokenizer

MERGES = Path(__file__).parent.parent / "data" / "clip_merges.txt.gz"
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_letters():
    """The letter that stands for every byte, in the order of the ids."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in kept]
    return [chr(byte) for byte in kept] + [chr(256 + n) for n in range(len(others))]


def merges(most=None):
    lines = gzip.decompress(MERGES.read_bytes()).decode().splitlines()
    return [tuple(line.split(" ")) for line in lines][:most]


def vocabulary(pairs):
    letters = byte_letters()
    words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in pairs]
    return {word: index for index, word in enumerate([*words, START, END])}


def tokenizer(pairs):
    return CLIPTokenizer(vocab=vocabulary(pairs), merges=list(pairs))

"""Cuts the merges that CLIP uses out of OpenAI's `bpe_simple_vocab_16e6.txt.gz`.

    pip install open_clip_torch && python make_merges.py SITE-PACKAGES/open_clip/bpe_simple_vocab_16e6.txt.gz

Of the file's 262,144 merges CLIP knows the first 48,894: its 49,408 tokens less 512 bytes and two
marks.
"""
import gzip
import sys
from pathlib import Path

from vocabulary import MERGES

lines = gzip.decompress(Path(sys.argv[1]).read_bytes()).decode().split("\n")
used = lines[1 : 49_152 - 256 - 2 + 1]
assert len(used) == 48_894
MERGES.write_bytes(gzip.compress("".join(line + "\n" for line in used).encode(), 9, mtime=0))

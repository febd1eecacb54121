"""Makes the PyTorch fixtures of this folder, with torch 2.x: `python make.py`.

One file a feature of the format, each with small tensors whose values the tests
spell out.
"""

import io
import os
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent
ramp = torch.arange(6, dtype=torch.float32).reshape(2, 3)


def save(name, value, **options):
    torch.save(value, HERE / name, **options)


# What module.state_dict() gives: an OrderedDict with a `_metadata` attribute.
save("module.pt", torch.nn.BatchNorm1d(2).state_dict())

save(
    "strides.pt",
    OrderedDict(
        transposed=ramp.T,
        column=ramp[:, 1],
        every_second=torch.arange(6.0)[1::2],
        expanded=torch.tensor([[1.0], [2.0]]).expand(2, 3),
        shared_a=ramp,
        shared_b=ramp[1],
        scalar=torch.tensor(7.0),
        empty=torch.zeros(0, 4),
        parameter=torch.nn.Parameter(ramp + 1),
    ),
)

save(
    "types.pt",
    {
        str(t).removeprefix("torch."): torch.tensor([1, 0, 1]).to(t)
        if t == torch.bool
        else torch.tensor([1, 0, 100]).to(t)
        for t in (
            torch.bool,
            torch.uint8,
            torch.int8,
            torch.int16,
            torch.int32,
            torch.int64,
            torch.float16,
            torch.bfloat16,
            torch.float32,
            torch.float64,
        )
    },
)

checkpoint = {"epoch": 3, "lr": 1e-4, "done": True, "note": None, "losses": [0.5, 0.25]}
save("wrapped_model.pt", {**checkpoint, "model": {"w": ramp}})
save("wrapped_state_dict.pth", {**checkpoint, "state_dict": OrderedDict(w=ramp)})
save("protocol4.pt", OrderedDict(w=ramp), pickle_protocol=4)
save("no_tensors.pt", {"epoch": 3})
save("legacy.pt", {"w": ramp}, _use_new_zipfile_serialization=False)
torch.jit.script(torch.nn.Linear(1, 1)).save(str(HERE / "torchscript.pt"))


class Hostile:
    """Creates a file named `executed` wherever it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch executed",)


save("hostile.pt", OrderedDict(w=ramp, x=Hostile()))


def with_pickle(source, name, change):
    """A copy of a fixture with its pickle changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(HERE / source) as old, zipfile.ZipFile(out, "w") as new:
        for record in old.namelist():
            data = old.read(record)
            new.writestr(record, change(data) if record.endswith("data.pkl") else data)
    (HERE / name).write_bytes(out.getvalue())


# Shape (2, 3) becomes (2, 9): more than the storage has.
with_pickle("wrapped_model.pt", "beyond_storage.pt", lambda p: p.replace(b"K\x02K\x03\x86", b"K\x02K\x09\x86"))
# ... and 2 × 2147483647 with strides 0: a bomb of 16 GiB.
with_pickle(
    "wrapped_model.pt",
    "bomb.pt",
    lambda p: p.replace(b"K\x02K\x03\x86", b"K\x02J\xff\xff\xff\x7f\x86").replace(b"K\x03K\x01\x86", b"K\x00K\x00\x86"),
)

"""The machine and the versions that figures belong to."""
import datetime
import json
import os
import platform
import re
from pathlib import Path

from prepare import HERE, output
from programs import CANDLE, ORT, TORCH

INSTRUCTION_SETS = (
    "avx avx2 fma f16c avx512f avx512vl avx512dq avx512bw avx512_vnni avx512_bf16 avx512_fp16 "
    "amx_tile amx_bf16 amx_int8 asimd sve sve2"
).split()
PACKAGES = (
    "import importlib.metadata as m, json, platform\n"
    "names = ('onnxruntime', 'torch', 'torchvision', 'mobilesam-mirror', 'timm', 'numpy')\n"
    "print(json.dumps({'Python': platform.python_version()} | {n: m.version(n) for n in names}))"
)


def facts(threads):
    """{what: value} of this machine."""
    cpu = read("/proc/cpuinfo")
    memory = field(read("/proc/meminfo"), "MemTotal")
    found = {
        "date": datetime.date.today().isoformat(),
        "processor": field(cpu, "model name") or platform.processor() or platform.machine(),
        "cores": f"{os.cpu_count()}, of which {threads} used",
        "memory": f"{int(memory.split()[0]) / 2**20:.0f} GiB" if memory else "",
        "instruction sets": " ".join(instruction_sets()),
        "system": f"{platform.system()} {platform.machine()}",
    }
    return {what: value for what, value in found.items() if value}


def instruction_sets():
    """Those that this machine has, of the ones that matter."""
    cpu = read("/proc/cpuinfo")
    flags = f"{field(cpu, 'flags')} {field(cpu, 'Features')}".split()
    return [name for name in INSTRUCTION_SETS if name in flags]


def versions(tools, programs):
    """{what: version} of everything that took part."""
    found = {"samkit": output(tools.samkit, "--version").splitlines()[0].removeprefix("samkit ")}
    found["rustc"] = output("rustc", "--version").split()[1]
    if CANDLE in programs:
        manifest = (HERE / "stock-candle" / "Cargo.toml").read_text()
        found[CANDLE] = re.search(r'candle-transformers = "=(.*)"', manifest)[1]
    if {ORT, TORCH} & programs:
        found |= json.loads(output(tools.python, "-c", PACKAGES))
    return found


def read(path):
    return Path(path).read_text() if Path(path).exists() else ""


def field(text, name):
    """The value of the first `name: value`."""
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""

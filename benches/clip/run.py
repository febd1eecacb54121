"""CLIP's towers in samkit, PyTorch and ONNX Runtime, taking turns in one session.

    pip install -r requirements.txt
    python ../../crates/samkit-clip/tests/reference/make_random.py FOLDER vit-b-32
    cargo build --release -p samkit-clip --example bench
    python run.py FOLDER ../../target/release/examples/bench [--rounds 7] [--images 64] [--texts 100]

Every round times each engine once, in an order that turns. Wall time is what counts on a machine
that does nothing else; where other programs run, the ratio of CPU times says more. Printed are
medians, and the medians of the rounds' ratios to samkit's opponents.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Seconds that a process has had of all CPUs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Samkit:
    def __init__(self, program, folder, threads):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout.readline() == "ready\n"

    def time(self, work, count):
        before = cpu_seconds(self.process.pid)
        self.process.stdin.write(f"{work} {count}\n")
        self.process.stdin.flush()
        wall = float(self.process.stdout.readline())
        return wall, cpu_seconds(self.process.pid) - before


def here(call):
    """Wall and CPU seconds of a call in this process."""
    before, start = time.process_time(), time.perf_counter()
    call()
    return time.perf_counter() - start, time.process_time() - before


class Torch:
    def __init__(self, folder, threads):
        import torch
        from transformers import AutoTokenizer, CLIPModel

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = CLIPModel.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.side = self.model.config.vision_config.image_size

    def time(self, work, count):
        with self.torch.inference_mode():
            if work == "images":
                pixels = self.torch.randn(count, 3, self.side, self.side)
                return here(lambda: self.model.get_image_features(pixel_values=pixels))
            texts = [f"a photo of a thing number {n}." for n in range(count)]

            def embed():
                tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
                self.model.get_text_features(**tokens)

            return here(embed)


class Onnx:
    """The image tower as exported by PyTorch."""

    def __init__(self, torch_side, threads):
        import onnxruntime

        torch = torch_side.torch

        class Tower(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, pixels):
                pooled = self.model.vision_model(pixel_values=pixels).pooler_output
                return self.model.visual_projection(pooled)

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tower.onnx")
            example = torch.randn(2, 3, torch_side.side, torch_side.side)
            torch.onnx.export(
                Tower(torch_side.model).eval(), (example,), path, input_names=["pixels"], dynamo=True, verbose=False,
                dynamic_shapes={"pixels": {0: torch.export.Dim("batch", min=1, max=1024)}},
            )
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.torch, self.side = torch, torch_side.side

    def time(self, work, count):
        pixels = self.torch.randn(count, 3, self.side, self.side).numpy()
        return here(lambda: self.session.run(None, {"pixels": pixels}))


def compare(engines, work, count, rounds):
    taken = {name: [] for name in engines}
    for turn in range(rounds + 1):
        names = list(engines)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            time.sleep(0.2)  # threads of the one before go to sleep
            taken[name].append(engines[name].time(work, count))
    for name in taken:
        taken[name] = taken[name][1:]  # the first round warms up
    print(f"{work}, {count} at a time, {rounds} rounds")
    for name, times in taken.items():
        wall, cpu = (statistics.median(part) for part in zip(*times))
        line = f"  {name:8} wall {wall:7.3f} s   CPU {cpu:7.3f} s"
        if name != "samkit":
            pairs = list(zip(taken["samkit"], times))
            walls, cpus = ([a[i] / b[i] for a, b in pairs] for i in (0, 1))
            line += f"   samkit / {name}: wall {statistics.median(walls):.2f}, CPU {statistics.median(cpus):.2f}"
            line += f"   (best of each: wall {min(a[0] for a, _ in pairs) / min(b[0] for _, b in pairs):.2f}"
            line += f", CPU {min(a[1] for a, _ in pairs) / min(b[1] for _, b in pairs):.2f})"
        print(line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--texts", type=int, default=100)
    arguments = parser.parse_args()
    torch_side = Torch(arguments.folder, arguments.threads)
    engines = {
        "samkit": Samkit(arguments.program, arguments.folder, arguments.threads),
        "torch": torch_side,
        "onnx": Onnx(torch_side, arguments.threads),
    }
    compare(engines, "images", arguments.images, arguments.rounds)
    del engines["onnx"]
    compare(engines, "texts", arguments.texts, arguments.rounds)
    print(f"1-minute load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

//! Matrix products of the network's shapes on one thread, against the crate `gemm`.
//!
//! samkit's side is packed beforehand and walks the rows in blocks, as the network does.

use criterion::{Criterion, criterion_group, criterion_main};
use samkit_engine::kernels::{BLOCK, InstructionSet, Matrix};
use samkit_kernel_benches::{Comparison, Work, gemm_product, noise};

/// Where, rows, depth, columns.
const SHAPES: [(&str, usize, usize, usize); 10] = [
    ("stage 0 expand", 16_384, 64, 256),
    ("stage 0 project", 16_384, 256, 64),
    ("stage 1 qkv", 4096, 128, 384),
    ("stage 2 widen", 4096, 160, 640),
    ("stage 2 narrow", 4096, 640, 160),
    ("stage 3 widen", 4096, 320, 1280),
    ("neck 3x3", 1024, 2304, 256),
    ("decoder scores", 4096, 256, 56),
    ("decoder update", 4096, 56, 256),
    ("upscaler second", 16_384, 64, 128),
];

fn products(c: &mut Criterion) {
    for (name, rows, depth, columns) in SHAPES {
        let (a, b) = (noise(rows * depth), noise(depth * columns));
        let mut out = vec![0.0; rows * columns];
        let name = format!("product {name} {rows}x{depth}x{columns}");
        let mut comparison = Comparison::new(c, &name, Work::Flops(2 * rows * depth * columns), 30);
        comparison.run("crate gemm", || gemm_product(&a, &b, depth, &mut out));
        for set in InstructionSet::available() {
            let matrix = Matrix::new(set, &b, depth);
            comparison.run(set, || {
                let blocks = a.chunks(BLOCK * depth).zip(out.chunks_mut(BLOCK * columns));
                blocks.for_each(|(a, out)| matrix.product(a, out));
            });
        }
        comparison.finish();
    }
}

criterion_group!(benches, products);
criterion_main!(benches);

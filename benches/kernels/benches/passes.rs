//! Passes over rows on one thread, and depthwise convolutions on all.

use criterion::{Criterion, criterion_group, criterion_main};
use samkit_engine::kernels::{Depthwise, InstructionSet, bias_gelu, layer_norm, softmax};
use samkit_kernel_benches::{Comparison, Work, noise};

/// A block of rows as the network has it: 128 tokens of a wide layer.
const ROWS: usize = 128;
const COLUMNS: usize = 640;
/// Tokens of a window of 14×14.
const WINDOW: usize = 14 * 14;

fn rows(c: &mut Criterion) {
    let (x, bias, weight) = (noise(ROWS * COLUMNS), noise(COLUMNS), noise(COLUMNS));
    // In place over and over: what it works on settles, and its speed does not depend on values.
    on_every_set(c, "gelu 128x640", x.len(), |set| {
        let (mut x, bias) = (x.clone(), &bias);
        move || bias_gelu(set, &mut x, bias)
    });
    on_every_set(c, "layer norm 128x640", x.len(), |set| {
        let (mut x, weight, bias) = (x.clone(), &weight, &bias);
        move || layer_norm(set, &mut x, weight, bias)
    });
    let (scores, bias) = (noise(WINDOW * WINDOW), noise(WINDOW * WINDOW));
    on_every_set(c, "softmax 196x196", scores.len(), |set| {
        let (mut scores, bias) = (scores.clone(), &bias);
        move || softmax(set, &mut scores, WINDOW, bias)
    });
}

fn depthwise(c: &mut Criterion) {
    for (channels, side) in [(256, 256), (512, 128), (160, 64)] {
        let (weight, bias) = (noise(9 * channels), noise(channels));
        let layer = Depthwise::new(&weight, &bias);
        let image = noise(side * side * channels);
        let name = format!("depthwise 3x3 {channels} channels {side}x{side}");
        on_every_set(c, &name, image.len(), |set| {
            let (mut out, image, layer) = (vec![0.0; image.len()], &image, &layer);
            move || layer.forward(set, image, side, &mut out)
        });
    }
}

/// Benches what `prepare` returns for each instruction set, and which passes over `values`.
fn on_every_set<F: FnMut()>(
    c: &mut Criterion,
    name: &str,
    values: usize,
    prepare: impl Fn(InstructionSet) -> F,
) {
    let mut comparison = Comparison::new(c, name, Work::Values(values), 50);
    for set in InstructionSet::available() {
        comparison.run(set, prepare(set));
    }
    comparison.finish();
}

criterion_group!(benches, rows, depthwise);
criterion_main!(benches);

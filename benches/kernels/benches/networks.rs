//! Window attention, the whole image encoder and one decoded prompt, with MobileSAM's weights.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use samkit_engine::kernels::{Decoder, Encoder, InstructionSet, WindowAttention};
use samkit_kernel_benches::{Comparison, Work, noise, weights};

/// Block, side of the image there, channels.
const ATTENTIONS: [(&str, usize, usize); 3] = [
    ("layers.1.blocks.0", 128, 128),
    ("layers.2.blocks.0", 64, 160),
    ("layers.3.blocks.0", 64, 320),
];

fn attention(c: &mut Criterion) {
    let Some(weights) = weights() else { return };
    for (block, side, channels) in ATTENTIONS {
        let image = noise(side * side * channels);
        let mut out = vec![0.0; image.len()];
        let mut comparison = Comparison::new(c, &format!("attention {block}"), Work::Run, 20);
        for set in InstructionSet::available() {
            let attention = WindowAttention::load(set, &weights, block).expect("a block's weights");
            comparison.run(set, || attention.forward(&image, side, &mut out));
        }
        comparison.finish();
    }
}

fn networks(c: &mut Criterion) {
    let Some(weights) = weights() else { return };
    let image = noise(1024 * 1024 * 3);
    let mut comparison = Comparison::new(c, "encoder", Work::Run, 10);
    for set in InstructionSet::available() {
        let encoder = Encoder::load(set, &weights).expect("MobileSAM's weights");
        comparison.run(set, || {
            black_box(encoder.forward(&image));
        });
    }
    comparison.finish();

    // A point, and the padding point that goes with it: two tokens.
    let (embedding, prompt) = (noise(4096 * 256), noise(2 * 256));
    let mut comparison = Comparison::new(c, "decoder one prompt", Work::Run, 20);
    for set in InstructionSet::available() {
        let decoder = Decoder::load(set, &weights, &embedding).expect("MobileSAM's weights");
        comparison.run(set, || {
            black_box(decoder.forward(&prompt));
        });
    }
    comparison.finish();
}

criterion_group!(benches, attention, networks);
criterion_main!(benches);

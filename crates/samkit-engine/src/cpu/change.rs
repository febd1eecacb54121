//! A prompt's two changes of the image's tokens, which are never formed.
//!
//! With A the attention of the image to the prompt's tokens, M their values with the output
//! projection and its bias, r a row's 1/σ, and γ, β the norms' weights, the published decoder takes
//! the image's tokens K to
//!
//! ```text
//! y1 = r1 ⊙ C(K + A1·M1) γ1 + β1          C takes away a row's mean
//! y2 = r2 ⊙ C(y1 + A2·M2) γ2 + β2
//! ```
//!
//! C is linear, and the weights of a head add up to 1, so that with K1, K2 as in `image_side.rs`,
//! U1 = C(M1), V1 = C(γ1 U1) and V2 = C(M2 + β1/8)
//!
//! ```text
//! y1 = r1 ⊙ (K1 γ1) + r1 A1 · (U1 γ1) + β1
//! y2 = r1 r2 ⊙ (K2 γ2) + [r1 r2 A1 | r2 A2] · [V1 γ2 | V2 γ2] + β2
//! ```
//!
//! A product of either with weights is a product of K, which is the same for all prompts of an image
//! and scaled row by row, and a product of 8T or 16T columns for a prompt of T tokens. The norms'
//! 1/σ follow from |K1 + A1·U1|² and |r1 (K2 + A1·V1) + A2·V2|², whose parts are again products of K
//! and small matrices of products of U and V. All of it is exact.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::elementwise::{dot, softmax_over_tokens};
use super::gemm::{Columns, Packed, gemm};
use super::heads::{self, HEAD, HEADS, INNER};
use super::image_side::{BLOCK, ImageSide, Map, centre};
use super::isa::{Isa, for_each_isa};
use super::linear::{Linear, values};
use super::look::Source;
use super::microkernel::{Rows, Sums};
use super::token_side::{Folded, Norm, interleave, plus};
use crate::network::EMBED_DIM;

/// Epsilon of the norms.
pub(crate) const EPS: f32 = 1e-5;

/// What a prompt makes of the image's tokens.
#[derive(Default)]
pub(crate) struct Changed {
    /// `[r1 A1]`, then `[r1 r2 A1 | r2 A2]`: (4096, `stride`).
    factors: Vec<f32>,
    stride: usize,
    /// r1, then r1 r2: (4096).
    scales: Vec<f32>,
    /// What the second norm needs of the first change: (4096).
    squares: Vec<f32>,
}

/// A block of it.
pub(crate) struct Block<'a> {
    pub(crate) rows: std::ops::Range<usize>,
    factors: &'a mut [f32],
    stride: usize,
    scales: &'a mut [f32],
    squares: &'a mut [f32],
}

impl Changed {
    /// Makes room for `rows` image tokens and `columns` attention weights of each in both changes.
    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        self.stride = (2 * columns).next_multiple_of(Columns::MULTIPLE);
        self.factors.resize(rows * self.stride, 0.0);
        self.scales.resize(rows, 0.0);
        self.squares.resize(rows, 0.0);
    }

    pub(crate) fn blocks(&mut self) -> impl IndexedParallelIterator<Item = Block<'_>> {
        let stride = self.stride;
        let scales = self.scales.par_chunks_mut(BLOCK).zip(self.squares.par_chunks_mut(BLOCK));
        let blocks = self.factors.par_chunks_mut(BLOCK * stride).zip(scales).enumerate();
        blocks.map(move |(index, (factors, (scales, squares)))| {
            let rows = index * BLOCK..index * BLOCK + scales.len();
            Block { rows, factors, stride, scales, squares }
        })
    }

    /// Factors and scales of some rows.
    pub(crate) fn rows(&self, rows: std::ops::Range<usize>) -> (Rows<'_>, &[f32]) {
        let data = &self.factors[rows.start * self.stride..];
        (Rows { data, row: self.stride, column: 1 }, &self.scales[rows])
    }
}

impl Block<'_> {
    /// What a look at the block sees: `scales ⊙ keys` or `values`, and its factors.
    pub(crate) fn source<'a>(&'a self, keys: &'a [f32], values: &'a [f32]) -> Source<'a> {
        Source { keys, values, scales: self.scales, factors: self.factors, stride: self.stride }
    }
}

/// Attention of the image to the prompt's tokens.
pub(crate) struct ImageToToken {
    k: Linear,
    v: Linear,
    queries: Folded,
    out: Folded,
    /// The output's bias, and that of the norm before, shared out among the heads.
    bias_share: Vec<f32>,
}

/// Keys and values of a prompt's tokens.
struct Attended {
    /// (T, 128), scaled.
    keys: Vec<f32>,
    /// Twice the values, (T, 128) interleaved.
    doubled: Vec<f32>,
    /// C(M): (8 T, 256).
    values: Vec<f32>,
}

impl ImageToToken {
    /// `vb` at the attention, `before` what the change before added to every token (its norm's bias).
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, before: &[f32]) -> Result<Self> {
        let queries = values(&vb.get((INNER, EMBED_DIM), "q_proj.weight")?)?;
        let out = values(&vb.get((EMBED_DIM, INNER), "out_proj.weight")?)?;
        let bias = plus(&values(&vb.get(EMBED_DIM, "out_proj.bias")?)?, before);
        Ok(Self {
            k: Linear::load(isa, &vb.pp("k_proj"))?,
            v: Linear::load(isa, &vb.pp("v_proj"))?,
            queries: Folded::new(isa, |inner, channel| queries[inner * EMBED_DIM + channel]),
            out: Folded::new(isa, |inner, channel| out[channel * INNER + inner]),
            bias_share: bias.iter().map(|bias| bias / HEADS as f32).collect(),
        })
    }

    fn attended(&self, isa: Isa, queries: &[f32], tokens: &[f32]) -> Attended {
        let mut keys = self.k.few(isa, &plus(queries, tokens));
        keys.iter_mut().for_each(|k| *k /= (HEAD as f32).sqrt());
        let mut v = self.v.few(isa, queries);
        let mut values = self.out.fold(isa, &v);
        for row in values.chunks_exact_mut(EMBED_DIM) {
            row.iter_mut().zip(&self.bias_share).for_each(|(value, share)| *value += share);
            centre(row);
        }
        v.iter_mut().for_each(|v| *v *= 2.0);
        Attended { keys, doubled: interleave(&v), values }
    }
}

/// The change of layer 0.
pub(crate) struct FirstChange {
    /// (T, 128) interleaved.
    keys: Vec<f32>,
    doubled: Vec<f32>,
    /// U1·U1ᵀ and V1·V1ᵀ: (8 T, 8 T).
    products: [Packed; 2],
    /// V1
    centred: Vec<f32>,
    /// U1 γ1, what the factors are multiplied with: (8 T, 256).
    pub(crate) values: Vec<f32>,
}

impl FirstChange {
    /// `norm` that after the change.
    pub(crate) fn new(
        isa: Isa,
        attention: &ImageToToken,
        norm: &Norm,
        queries: &[f32],
        tokens: &[f32],
    ) -> Self {
        let Attended { keys, doubled, values: first } = attention.attended(isa, queries, tokens);
        let values = scaled(&first, &norm.weight);
        let mut centred = values.clone();
        centred.chunks_exact_mut(EMBED_DIM).for_each(centre);
        let products = [
            Packed::products(isa, &first, &first, EMBED_DIM),
            Packed::products(isa, &centred, &centred, EMBED_DIM),
        ];
        Self { keys: interleave(&keys), doubled, products, centred, values }
    }

    /// 8 T
    pub(crate) fn columns(&self) -> usize {
        self.keys.len() / HEAD
    }

    pub(crate) fn apply(
        &self,
        isa: Isa,
        image: &ImageSide,
        block: &mut Block<'_>,
        scratch: &mut Scratch,
    ) {
        let columns = self.columns();
        let map = |map: Map| image.rows(map, &block.rows);
        let Scratch { weights, parts } = scratch;
        heads::scores(isa, map(Map::Layer0Queries), &ONES, &[], &self.keys, weights);
        softmax_over_tokens(isa, weights, columns);
        let maps = [Map::Change0Of1, Map::Change0Of2].map(map);
        for ((part, map), products) in parts.iter_mut().zip(maps).zip(&self.products) {
            heads::scores(isa, map, &ONES, &[], &self.doubled, part);
            let a = Rows { data: weights, row: columns, column: 1 };
            let sums = Sums { data: part, stride: columns, accumulate: true };
            gemm(isa, BLOCK, a, products.view(isa), sums);
        }
        let parts = [&parts[0][..], &parts[1][..]];
        let squares = image.squares(&block.rows);
        first_norm(
            isa,
            weights,
            parts,
            squares,
            columns,
            block.stride,
            block.factors,
            block.scales,
            block.squares,
        );
    }
}

for_each_isa! {
    /// 1/σ of rows whose squares are `squares[0] + weights · parts[0]`, the weights times it, and what
    /// the second norm needs.
    fn first_norm(
        weights: &[f32],
        parts: [&[f32]; 2],
        squares: &[f32],
        columns: usize,
        stride: usize,
        factors: &mut [f32],
        scales: &mut [f32],
        next: &mut [f32],
    ) {
        let rows = weights.chunks_exact(columns).zip(factors.chunks_exact_mut(stride));
        for (i, (weights, factors)) in rows.enumerate() {
            let first = dot::<FMA>(weights, &parts[0][i * columns..][..columns]);
            let second = dot::<FMA>(weights, &parts[1][i * columns..][..columns]);
            let squares = &squares[3 * i..][..3];
            let scale = 1.0 / ((squares[0] + first) / EMBED_DIM as f32 + EPS).sqrt();
            scales[i] = scale;
            next[i] = scale * scale * (squares[1] + second) + scale * squares[2];
            for (factor, weight) in factors.iter_mut().zip(weights) {
                *factor = scale * weight;
            }
        }
    }
}

/// The change of layer 1.
pub(crate) struct SecondChange<'a> {
    keys: Vec<f32>,
    doubled: Vec<f32>,
    /// The positions' part of the queries.
    positions: &'a [f32],
    /// The first change's part of the scores: (8 T, 8 T).
    scores: Packed,
    /// 2 V1·V2ᵀ and V2·V2ᵀ: (16 T, 8 T).
    products: Packed,
    /// V1 γ2 and V2 γ2, what the factors are multiplied with: (16 T, 256).
    pub(crate) values: Vec<f32>,
}

impl<'a> SecondChange<'a> {
    /// `norm` that after the change, `positions` the positions' part of the queries with all that
    /// is the same for every prompt: (4096, 128) interleaved.
    pub(crate) fn new(
        isa: Isa,
        attention: &ImageToToken,
        norm: &Norm,
        positions: &'a [f32],
        first: &FirstChange,
        queries: &[f32],
        tokens: &[f32],
    ) -> Self {
        let Attended { keys, doubled, values: second } = attention.attended(isa, queries, tokens);
        let folded = attention.queries.fold(isa, &keys);
        let twice = first.centred.iter().map(|x| 2.0 * x);
        let stacked: Vec<f32> = twice.chain(second.iter().copied()).collect();
        let mut values = scaled(&first.centred, &norm.weight);
        values.extend(scaled(&second, &norm.weight));
        Self {
            keys: interleave(&keys),
            doubled,
            positions,
            scores: Packed::products(isa, &first.values, &folded, EMBED_DIM),
            products: Packed::products(isa, &stacked, &second, EMBED_DIM),
            values,
        }
    }

    pub(crate) fn apply(
        &self,
        isa: Isa,
        image: &ImageSide,
        block: &mut Block<'_>,
        scratch: &mut Scratch,
    ) {
        let columns = self.scores.columns();
        let Scratch { weights, parts: [part, _] } = scratch;
        let Block { rows, factors, stride, scales, squares } = block;
        let positions = &self.positions[rows.start * INNER..rows.end * INNER];
        let map = image.rows(Map::Layer1Queries, rows);
        heads::scores(isa, map, scales, positions, &self.keys, weights);
        let add = |products: &Packed, factors: &[f32], out: &mut [f32]| {
            let a = Rows { data: factors, row: *stride, column: 1 };
            let sums = Sums { data: out, stride: columns, accumulate: true };
            gemm(isa, BLOCK, a, products.view(isa), sums);
        };
        add(&self.scores, factors, weights);
        softmax_over_tokens(isa, weights, columns);
        let places = factors.chunks_exact_mut(*stride);
        for (factors, weights) in places.zip(weights.chunks_exact(columns)) {
            factors[columns..2 * columns].copy_from_slice(weights);
        }
        heads::scores(isa, image.rows(Map::Change1, rows), scales, &[], &self.doubled, part);
        add(&self.products, factors, part);
        second_norm(isa, part, squares, columns, *stride, factors, scales);
    }
}

for_each_isa! {
    /// Multiplies factors and scales with 1/σ of rows whose squares are
    /// `squares + factors[columns..] · part`.
    fn second_norm(
        part: &[f32],
        squares: &[f32],
        columns: usize,
        stride: usize,
        factors: &mut [f32],
        scales: &mut [f32],
    ) {
        let rows = part.chunks_exact(columns).zip(factors.chunks_exact_mut(stride));
        for (i, (part, factors)) in rows.enumerate() {
            let square = squares[i] + dot::<FMA>(&factors[columns..2 * columns], part);
            let scale = 1.0 / (square / EMBED_DIM as f32 + EPS).sqrt();
            scales[i] *= scale;
            for factor in &mut factors[..2 * columns] {
                *factor *= scale;
            }
        }
    }
}

/// Memory for a block of the image.
pub(crate) struct Scratch {
    /// (256, 8 T)
    pub(crate) weights: Vec<f32>,
    parts: [Vec<f32>; 2],
}

impl Scratch {
    /// For `columns` = 8 T.
    pub(crate) fn new(columns: usize) -> Self {
        let list = || vec![0.0; BLOCK * columns];
        Self { weights: list(), parts: [list(), list()] }
    }
}

/// Factors that change nothing.
pub(crate) const ONES: [f32; BLOCK] = [1.0; BLOCK];

/// Rows of 256 times a norm's weights.
fn scaled(rows: &[f32], weight: &[f32]) -> Vec<f32> {
    rows.iter().zip(weight.iter().cycle()).map(|(x, weight)| x * weight).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::cpu::image_side::{Projections, query_positions};

    const T: usize = 7;

    fn random(shape: &[usize], mean: f32, deviation: f32) -> Result<Tensor> {
        Tensor::randn(mean, deviation, shape, &Device::Cpu)
    }

    /// A decoder's weights, as far as the image's tokens meet them.
    fn weights() -> Result<HashMap<String, Tensor>> {
        let mut tensors = HashMap::new();
        let mut add = |name: String, shape: &[usize]| -> Result<()> {
            tensors.insert(format!("{name}.weight"), random(shape, 0.0, 0.08)?);
            tensors.insert(format!("{name}.bias"), random(&shape[..1], 0.0, 0.3)?);
            Ok(())
        };
        let (look, change) = ("cross_attn_token_to_image", "cross_attn_image_to_token");
        for layer in ["layers.0", "layers.1"].map(|layer| format!("transformer.{layer}")) {
            for name in ["k_proj", "v_proj"] {
                add(format!("{layer}.{look}.{name}"), &[INNER, EMBED_DIM])?;
            }
            for name in ["q_proj", "k_proj", "v_proj"] {
                add(format!("{layer}.{change}.{name}"), &[INNER, EMBED_DIM])?;
            }
            add(format!("{layer}.{change}.out_proj"), &[EMBED_DIM, INNER])?;
        }
        for name in ["k_proj", "v_proj"] {
            add(format!("transformer.final_attn_token_to_image.{name}"), &[INNER, EMBED_DIM])?;
        }
        add("output_upscaling.0".into(), &[EMBED_DIM, 64, 2, 2])?;
        Ok(tensors)
    }

    /// The published form, in f64.
    struct Plain<'a> {
        weights: &'a HashMap<String, Tensor>,
        positions: Tensor,
    }

    impl Plain<'_> {
        fn get(&self, name: &str) -> Result<Tensor> {
            self.weights[name].to_dtype(DType::F64)
        }

        fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
            let product = x.matmul(&self.get(&format!("{name}.weight"))?.t()?)?;
            product.broadcast_add(&self.get(&format!("{name}.bias"))?)
        }

        fn change(
            &self,
            layer: usize,
            image: &Tensor,
            queries: &Tensor,
            tokens: &Tensor,
            norm: &Norm,
        ) -> Result<Tensor> {
            let name =
                |part| format!("transformer.layers.{layer}.cross_attn_image_to_token.{part}");
            let heads = |x: Tensor| x.reshape(((), HEADS, HEAD))?.transpose(0, 1)?.contiguous();
            let q = heads(self.linear(&name("q_proj"), &(image + &self.positions)?)?)?;
            let k = heads(self.linear(&name("k_proj"), &(queries + tokens)?)?)?;
            let v = heads(self.linear(&name("v_proj"), queries)?)?;
            let scores = (q.matmul(&k.t()?)? / (HEAD as f64).sqrt())?.exp()?;
            let attention = scores.broadcast_div(&scores.sum_keepdim(2)?)?;
            let seen = attention.matmul(&v)?.transpose(0, 1)?.reshape(((), INNER))?;
            let x = (image + self.linear(&name("out_proj"), &seen)?)?;
            let x = x.broadcast_sub(&x.mean_keepdim(1)?)?;
            let deviation = (x.sqr()?.mean_keepdim(1)? + f64::from(EPS))?.sqrt()?;
            let list =
                |x: &[f32]| Tensor::from_slice(x, x.len(), &Device::Cpu)?.to_dtype(DType::F64);
            x.broadcast_div(&deviation)?
                .broadcast_mul(&list(&norm.weight)?)?
                .broadcast_add(&list(&norm.bias)?)
        }
    }

    fn norm() -> Result<Norm> {
        let weight = values(&random(&[EMBED_DIM], 1.0, 0.3)?)?;
        Ok(Norm { weight, bias: values(&random(&[EMBED_DIM], 0.0, 0.3)?)?, eps: EPS })
    }

    /// For tokens around zero, and for tokens whose mean is ten times their deviation: what cancels
    /// out must not take the digits with it.
    #[test]
    fn changed_tokens_equal_the_published_form_on_every_instruction_set() -> Result<()> {
        for (mean, allowed) in [(0.0, 2e-5), (10.0, 2e-4)] {
            let weights = weights()?;
            let vb = VarBuilder::from_tensors(weights.clone(), DType::F32, &Device::Cpu);
            let [first_norm, second_norm] = [norm()?, norm()?];
            let positions = random(&[BLOCK, EMBED_DIM], 0.0, 0.5)?;
            let image = random(&[BLOCK, EMBED_DIM], mean, 1.0)?;
            let [tokens, queries, later] = [0; 3].map(|_| random(&[T, EMBED_DIM], 0.0, 1.0));
            let (tokens, queries, later) = (tokens?, queries?, later?);
            let wide = |x: &Tensor| x.to_dtype(DType::F64);
            let plain = Plain { weights: &weights, positions: wide(&positions)? };
            let y =
                plain.change(0, &wide(&image)?, &wide(&queries)?, &wide(&tokens)?, &first_norm)?;
            let y = plain.change(1, &y, &wide(&later)?, &wide(&tokens)?, &second_norm)?;
            let last = "transformer.final_attn_token_to_image.v_proj";
            let expected = y.matmul(&plain.get(&format!("{last}.weight"))?.t()?)?;
            let expected = expected.flatten_all()?.to_vec1::<f64>()?;

            let layer =
                |i: usize| vb.pp(format!("transformer.layers.{i}.cross_attn_image_to_token"));
            let (positions, tokens) = (values(&positions)?, values(&tokens)?);
            let (queries, later) = (values(&queries)?, values(&later)?);
            for isa in Isa::available() {
                let norms = [&first_norm, &second_norm];
                let image = Projections::load(isa, &vb, norms, &positions, &[])?
                    .image(isa, values(&image)?);
                let attention = ImageToToken::load(isa, &layer(0), &[0.0; EMBED_DIM])?;
                let first = FirstChange::new(isa, &attention, norms[0], &queries, &tokens);
                let attention = ImageToToken::load(isa, &layer(1), &norms[0].bias)?;
                let placed = query_positions(isa, &layer(1), &norms[0].bias, &positions)?;
                let second =
                    SecondChange::new(isa, &attention, norms[1], &placed, &first, &later, &tokens);
                let mut changed = Changed::default();
                changed.resize(BLOCK, HEADS * T);
                changed.blocks().for_each(|mut block| {
                    let mut scratch = Scratch::new(HEADS * T);
                    first.apply(isa, &image, &mut block, &mut scratch);
                    second.apply(isa, &image, &mut block, &mut scratch);
                });
                // scales ⊙ (K · …) + factors · values · W + β2 · W
                let weight = values(&weights[&format!("{last}.weight")])?;
                let product = |x: &[f32], j: usize| -> f64 {
                    let row = &weight[j * EMBED_DIM..][..EMBED_DIM];
                    x.iter().zip(row).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
                };
                let (factors, scales) = changed.rows(0..BLOCK);
                for j in 0..INNER {
                    let seen: Vec<f64> =
                        second.values.chunks_exact(EMBED_DIM).map(|v| product(v, j)).collect();
                    for (row, scale) in scales.iter().enumerate() {
                        let cached = f64::from(scale * image[Map::FinalValues][row * INNER + j]);
                        let changes = seen
                            .iter()
                            .enumerate()
                            .map(|(k, seen)| f64::from(factors.data[row * factors.row + k]) * seen);
                        let got = cached + changes.sum::<f64>() + product(&norms[1].bias, j);
                        let error = (got - expected[row * INNER + j]).abs();
                        assert!(error < allowed, "{isa:?}, mean {mean}: {error:e}");
                    }
                }
            }
        }
        Ok(())
    }
}

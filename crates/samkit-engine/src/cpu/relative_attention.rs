//! Multi-head attention over a square of tokens with decomposed relative positions
//! (`add_decomposed_rel_pos` in `segment_anything/modeling/image_encoder.py`).
//!
//! Scores exist for one head and a few queries at a time: a global block's would take 64 MiB a
//! head.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::elementwise;
use super::gemm::{Packed, gemm};
use super::isa::Isa;
use super::linear::values;
use super::microkernel::{Rows, Sums};

/// Queries whose scores are computed together.
const QUERIES: usize = 32;

pub(crate) struct RelativeAttention {
    heads: usize,
    /// Channels of a head.
    head: usize,
    /// Tokens along each side of the square.
    side: usize,
    /// (head, 2·side − 1): what a query's row has to do with the key's, by key row − query row.
    rows: Packed,
    /// The same for columns.
    columns: Packed,
}

/// Keys and values of one head.
#[derive(Default)]
struct Memory {
    /// (head, tokens)
    keys: Packed,
    /// (tokens, head)
    values: Packed,
}

struct Scratch {
    scores: Vec<f32>,
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl RelativeAttention {
    /// `vb` at the block's `attn`; `width` is the number of channels of a token.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let table = |name| {
            let table = vb.get_unchecked(name)?;
            let (offsets, head) = table.dims2()?;
            let table = values(&table)?;
            // The checkpoint counts query − key.
            let packed =
                Packed::new(isa, head, offsets, |d, o| table[(offsets - 1 - o) * head + d]);
            Ok::<_, candle_core::Error>((packed, offsets, head))
        };
        let (rows, offsets, head) = table("rel_pos_h")?;
        let (columns, ..) = table("rel_pos_w")?;
        Ok(Self { heads: width / head, head, side: offsets.div_ceil(2), rows, columns })
    }

    pub(crate) fn side(&self) -> usize {
        self.side
    }

    fn tokens(&self) -> usize {
        self.side * self.side
    }

    /// Attention of one square on all threads: `qkv` (tokens, 3 · heads · head) → `out` (tokens,
    /// heads · head).
    pub(crate) fn forward(&self, isa: Isa, qkv: &[f32], out: &mut [f32]) {
        let memories: Vec<Memory> = (0..self.heads)
            .into_par_iter()
            .map(|head| {
                let mut memory = Memory::default();
                self.remember(isa, qkv, head, &mut memory);
                memory
            })
            .collect();
        let width = self.heads * self.head;
        for (head, memory) in memories.iter().enumerate() {
            out.par_chunks_mut(QUERIES * width).enumerate().for_each_init(
                || self.scratch(),
                |scratch, (block, out)| {
                    self.attend(isa, qkv, head, memory, block * QUERIES, scratch, out);
                },
            );
        }
    }

    /// The same for one of many squares, on this thread.
    pub(crate) fn forward_here(&self, isa: Isa, qkv: &[f32], out: &mut [f32]) {
        let width = self.heads * self.head;
        let (mut memory, mut scratch) = (Memory::default(), self.scratch());
        for head in 0..self.heads {
            self.remember(isa, qkv, head, &mut memory);
            for (block, out) in out.chunks_mut(QUERIES * width).enumerate() {
                self.attend(isa, qkv, head, &memory, block * QUERIES, &mut scratch, out);
            }
        }
    }

    fn scratch(&self) -> Scratch {
        let offsets = self.rows.columns();
        Scratch {
            scores: vec![0.0; QUERIES * self.tokens()],
            rows: vec![0.0; QUERIES * offsets],
            columns: vec![0.0; QUERIES * offsets],
        }
    }

    fn remember(&self, isa: Isa, qkv: &[f32], head: usize, memory: &mut Memory) {
        let width = self.heads * self.head;
        let at = head * self.head;
        let (tokens, size) = (self.tokens(), self.head);
        memory.keys.repack_transposed(isa, size, tokens, &qkv[width + at..], 3 * width);
        memory.values = Packed::new(isa, tokens, size, |t, d| qkv[(3 * t + 2) * width + at + d]);
    }

    /// One head's output for as many queries as `out` has rows, from query `first` on.
    #[expect(clippy::too_many_arguments, reason = "slices, sizes and scratch memory of a kernel")]
    fn attend(
        &self,
        isa: Isa,
        qkv: &[f32],
        head: usize,
        memory: &Memory,
        first: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) {
        let width = self.heads * self.head;
        let count = out.len() / width;
        let (tokens, side) = (self.tokens(), self.side);
        let at = head * self.head;
        let query = Rows { data: &qkv[3 * first * width + at..], row: 3 * width, column: 1 };
        let product = |b: &Packed, out: &mut [f32]| {
            let sums = Sums { data: out, stride: b.columns(), accumulate: false };
            gemm(isa, count, query, b.view(isa), sums);
        };
        product(&memory.keys, &mut scratch.scores);
        product(&self.rows, &mut scratch.rows);
        product(&self.columns, &mut scratch.columns);
        let scale = (self.head as f32).powf(-0.5);
        let offsets = self.rows.columns();
        for (index, scores) in scratch.scores.chunks_exact_mut(tokens).take(count).enumerate() {
            let (y, x) = ((first + index) / side, (first + index) % side);
            // Offset 0 lies in the middle; key row 0 is `y` before it.
            let rows = &scratch.rows[index * offsets + side - 1 - y..][..side];
            let columns = &scratch.columns[index * offsets + side - 1 - x..][..side];
            elementwise::softmax_square(isa, scores, side, scale, rows, columns);
        }
        let weights = Rows { data: &scratch.scores, row: tokens, column: 1 };
        let sums = Sums { data: &mut out[at..], stride: width, accumulate: false };
        gemm(isa, count, weights, memory.values.view(isa), sums);
    }
}

//! Cutting a channels-last image into square windows and joining them again.

use candle_core::{Result, Tensor};

/// How an image was cut into windows.
pub(crate) struct Windows {
    image: (usize, usize, usize, usize),
    side: usize,
    rows: usize,
    columns: usize,
}

impl Windows {
    /// (batch, height, width, channels) → (windows, side², channels). The image is padded right
    /// and below with zeros to whole windows.
    pub(crate) fn partition(x: &Tensor, side: usize) -> Result<(Tensor, Self)> {
        let (batch, height, width, channels) = x.dims4()?;
        let (rows, columns) = (height.div_ceil(side), width.div_ceil(side));
        let x = x
            .pad_with_zeros(1, 0, rows * side - height)?
            .pad_with_zeros(2, 0, columns * side - width)?
            .reshape(&[batch, rows, side, columns, side, channels][..])?
            .permute(vec![0, 1, 3, 2, 4, 5])?
            .reshape((batch * rows * columns, side * side, channels))?;
        Ok((x, Self { image: (batch, height, width, channels), side, rows, columns }))
    }

    /// The inverse of [`Windows::partition`]; padding is dropped.
    pub(crate) fn join(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, channels) = self.image;
        let (side, rows, columns) = (self.side, self.rows, self.columns);
        x.reshape(&[batch, rows, columns, side, side, channels][..])?
            .permute(vec![0, 1, 3, 2, 4, 5])?
            .reshape((batch, rows * side, columns * side, channels))?
            .narrow(1, 0, height)?
            .narrow(2, 0, width)?
            .contiguous()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn joining_undoes_partitioning_with_and_without_padding() -> Result<()> {
        for (height, width, side) in [(4, 6, 2), (5, 7, 3), (3, 3, 7)] {
            let x = Tensor::randn(0.0f32, 1.0, (2, height, width, 3), &Device::Cpu)?;
            let (windows, layout) = Windows::partition(&x, side)?;
            assert_eq!(windows.dim(1)?, side * side);
            let joined = layout.join(&windows)?;
            assert_eq!(joined.flatten_all()?.to_vec1::<f32>()?, x.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(())
    }
}

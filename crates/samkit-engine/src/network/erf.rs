//! The error function and the exact GELU in f32.

/// Beyond ±CLAMP, erf is ±1 to f32 precision.
const CLAMP: f32 = 3.9;
/// Numerator of erf(x) / x as a function of x², lowest power first.
const NUMERATOR: [f32; 6] = [
    std::f32::consts::FRAC_2_SQRT_PI,
    0.191_937_54,
    0.052_966_416,
    0.003_836_713_5,
    0.000_287_451_34,
    2.050_386_2e-6,
];
/// Denominator of the same.
const DENOMINATOR: [f32; 6] =
    [1.0, 0.503_432, 0.114_756_73, 0.015_108_883, 0.001_181_690_6, 3.823_041_7e-5];

/// The error function, within 5e-7 of the true value. The coefficients are a rational minimax fit
/// on [0, 3.9] made for samkit; without branches, so that loops over it vectorise.
///
/// `fma(a, b, c)` is `a · b + c`, in one rounding or two.
#[inline(always)]
fn erf(x: f32, fma: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let x = x.clamp(-CLAMP, CLAMP);
    let square = x * x;
    let polynomial = |c: &[f32; 6]| c[..5].iter().rev().fold(c[5], |sum, &c| fma(sum, square, c));
    x * polynomial(&NUMERATOR) / polynomial(&DENOMINATOR)
}

/// `x · Φ(x)` with the exact Φ, not the tanh approximation: what PyTorch's `nn.GELU` computes.
/// `fma(a, b, c)` is `a · b + c`, in one rounding or two.
#[inline(always)]
pub(crate) fn gelu_with(x: f32, fma: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let half = 0.5 * x;
    let erf = erf(x * std::f32::consts::FRAC_1_SQRT_2, &fma);
    fma(half, erf, half)
}

/// [`gelu_with`] on any machine.
#[inline]
pub(crate) fn gelu(x: f32) -> f32 {
    gelu_with(x, |a, b, c| a * b + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Maclaurin series of erf in f64, which converges everywhere.
    fn series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn erf_is_within_5e_7() {
        for i in -4000..=4000 {
            let x = i as f32 / 1000.0;
            for erf in [erf(x, |a, b, c| a * b + c), erf(x, f32::mul_add)] {
                let error = (f64::from(erf) - series(f64::from(x))).abs();
                assert!(error < 5e-7, "erf({x}) is off by {error:e}");
            }
        }
    }

    #[test]
    fn gelu_is_zero_far_left_and_the_identity_far_right() {
        assert!(gelu(-10.0).abs() < 1e-6);
        assert!((gelu(10.0) - 10.0).abs() < 1e-6);
        assert_eq!(gelu(0.0), 0.0);
    }
}

//! In which number format the image encoder computes.

use std::fmt;

use samkit_core::ParamError;

use crate::device::{DeviceKind, device_name};
use crate::error::{EngineError, Result};

/// In which number format the image encoder multiplies matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    F32,
    /// Factors rounded to bfloat16 (8 bits of precision), sums in 32-bit floats. Faster, less
    /// exact; only on CPUs that multiply such numbers: see [`Precision::check`].
    Bf16,
}

/// What the kernels for bfloat16 are compiled for, and whether this CPU has it.
fn cpu_features() -> Vec<(&'static str, bool)> {
    #[cfg(target_arch = "x86_64")]
    return vec![
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
        ("avx512dq", is_x86_feature_detected!("avx512dq")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    return vec![("x86-64", false)];
}

impl Precision {
    /// The names that [`str::parse`] knows.
    pub const NAMES: [&'static str; 2] = ["f32", "bf16"];

    /// Its name: `f32` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Whether this machine can compute in this precision on `device`. `f32` always works; `bf16`
    /// needs the CPU as the device, and one with AVX-512 BF16.
    ///
    /// # Errors
    /// When it cannot: what is needed, and what is not there.
    pub fn check(self, device: DeviceKind) -> Result<()> {
        let device = match device {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Metal => "metal",
            DeviceKind::Auto => device_name(&device.open()?),
        };
        self.check_on(device, &cpu_features())
    }

    fn check_on(self, device: &str, features: &[(&str, bool)]) -> Result<()> {
        if self == Self::F32 {
            return Ok(());
        }
        let refused = |reason| Err(EngineError::Precision { precision: self, reason });
        if device != "cpu" {
            return refused(format!("it needs the device `cpu`, and the device is `{device}`"));
        }
        let missing: Vec<_> =
            features.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
        if missing.is_empty() {
            return Ok(());
        }
        refused(format!(
            "it needs a CPU with AVX-512 BF16, and this one has no {}",
            missing.join(", ")
        ))
    }
}

impl std::str::FromStr for Precision {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(ParamError::new("precision", name, "`f32` or `bf16`")),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [(&str, bool); 2] = [("avx512f", true), ("avx512bf16", true)];

    fn refusal(device: &str, features: &[(&str, bool)]) -> String {
        Precision::Bf16.check_on(device, features).expect_err("it is refused").to_string()
    }

    #[test]
    fn names_parse_and_print() {
        for name in Precision::NAMES {
            assert_eq!(name.parse::<Precision>().map(|p| p.to_string()), Ok(name.to_owned()));
        }
        assert_eq!(Precision::default(), Precision::F32);
        let error = "f16".parse::<Precision>().expect_err("unknown");
        assert_eq!((error.name, &error.expected[..]), ("precision", "`f32` or `bf16`"));
    }

    #[test]
    fn f32_works_everywhere() {
        Precision::F32.check_on("cuda", &[]).expect("on a GPU");
        Precision::F32.check_on("cpu", &[("avx2", false)]).expect("on any CPU");
        Precision::F32.check(DeviceKind::Cpu).expect("on this machine");
    }

    #[test]
    fn bf16_works_on_a_cpu_with_all_features() {
        Precision::Bf16.check_on("cpu", &FULL).expect("everything is there");
    }

    #[test]
    fn bf16_is_refused_with_what_is_missing() {
        let missing = refusal("cpu", &[("avx2", true), ("avx512f", false), ("avx512bf16", false)]);
        assert_eq!(
            missing,
            "precision `bf16` cannot be used: it needs a CPU with AVX-512 BF16, and this one has \
             no avx512f, avx512bf16"
        );
    }

    #[test]
    fn bf16_is_refused_on_a_gpu() {
        let gpu = refusal("cuda", &FULL);
        assert!(gpu.contains("needs the device `cpu`, and the device is `cuda`"), "{gpu}");
    }

    #[test]
    fn this_machine_is_asked_for_every_feature() {
        let has_all = cpu_features().iter().all(|(_, has)| *has);
        assert_eq!(Precision::Bf16.check(DeviceKind::Cpu).is_ok(), has_all);
    }
}

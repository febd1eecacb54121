//! Where the network runs.

use candle_core::Device;
use samkit_core::ParamError;

use crate::error::{EngineError, Result};

/// Where the network runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// The first GPU that this build knows and the machine has, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU; needs a build with the feature `cuda`.
    Cuda,
    /// An Apple GPU; needs a build with the feature `metal`.
    Metal,
}

impl DeviceKind {
    /// The names that [`str::parse`] knows.
    pub const NAMES: [&'static str; 4] = ["auto", "cpu", "cuda", "metal"];

    pub(crate) fn open(self) -> Result<Device> {
        let unusable = |device, error: &candle_core::Error| EngineError::Device {
            device,
            reason: error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => Device::new_cuda(0).map_err(|e| unusable("cuda", &e)),
            Self::Metal => Device::new_metal(0).map_err(|e| unusable("metal", &e)),
            Self::Auto => {
                Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu))
            }
        }
    }
}

/// `cpu`, `cuda` or `metal`.
pub(crate) fn device_name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
}

impl std::str::FromStr for DeviceKind {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "metal" => Ok(Self::Metal),
            _ => Err(ParamError::new("device", name, "`auto`, `cpu`, `cuda` or `metal`")),
        }
    }
}

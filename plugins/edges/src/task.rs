//! The recipe as a task behind the plugin border.

use samkit_plugin::{
    Descriptor, EXT_SAM, Host, Inputs, Kind, Output, Outputs, Slot, Task, TaskError, declare_plugin,
};

use crate::{EdgeParams, detect_edges, geojson, lines, svg};

/// The task `edges`.
#[derive(Debug)]
pub struct Edges(EdgeParams);

impl Task for Edges {
    type Params = EdgeParams;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "edges",
        name: "Edge maps",
        version: env!("CARGO_PKG_VERSION"),
        license: env!("CARGO_PKG_LICENSE"),
        description: "edge maps: gradients of masks along their outlines, thinned",
        inputs: &[Slot::new("image", Kind::Image, "the image")],
        outputs: &[
            Slot::new("thinned", Kind::EdgeMap, "thinned edges, 8 bits").saved_by_default(),
            Slot::new("raw", Kind::EdgeMap, "edges before thinning, 16 bits"),
            Slot::new("binary", Kind::Image, "thinned edges of at least the threshold")
                .saved_by_default()
                .needs("threshold"),
            Slot::new("svg", Kind::Text, "the binary map's lines, as a drawing").needs("threshold"),
            Slot::new("geojson", Kind::Text, "the binary map's lines, in pixels")
                .needs("threshold"),
        ],
        extensions: &[EXT_SAM],
    };

    fn create(params: EdgeParams, host: &Host<'_>) -> Result<Self, TaskError> {
        params.validate()?;
        share_threads(host);
        Ok(Self(params))
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let progress = |done: usize, total: usize| host.step(done as u64, total as u64);
        let maps = detect_edges(&host.sam()?, &inputs.image()?, &self.0, &progress)?;
        host.record("masks", maps.masks as f64);
        if let Some(binary) = maps.binary {
            let lines = lines(&maps.raw, &maps.thinned, &binary);
            let drawing = svg(&lines, binary.width(), binary.height());
            outputs.put("svg", Output::Text(drawing))?;
            outputs.put("geojson", Output::Text(geojson(&lines)))?;
            outputs.put("binary", binary)?;
        }
        outputs.put("thinned", maps.thinned)?;
        outputs.put("raw", maps.raw)
    }
}

/// A shared library has threads of its own; a program that links the task in has set up its own.
fn share_threads(host: &Host<'_>) {
    if cfg!(feature = "export") {
        // Fails where they are there already, from an earlier instance.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(host.threads()).build_global();
    }
}

declare_plugin!(Edges);

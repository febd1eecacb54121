//! The tasks that recipes can name: those built in, and those of plugins.

use std::path::PathBuf;

use samkit_edges::EdgeParams;
use samkit_plugin::params_schema;
use samkit_plugin_host::{Kind, Plugin, PluginError, Plugins, SearchPath, SlotDescription};
use samkit_recipe::{Catalogue, InputInfo, Kind as RecipeKind, OutputInfo, ProductInfo, TaskInfo};
use samkit_scene::GeneratorForm;

use crate::{
    error::CliError,
    tasks::{
        Product, edges, everything,
        plugin::{OVERLAY, is_drawn, suffix},
    },
};

/// All tasks, and the plugins behind some of them.
pub(crate) struct Tasks {
    pub(crate) catalogue: Catalogue,
    pub(crate) plugins: Plugins,
    /// Why plugins that lie in the folders are not among them.
    pub(crate) problems: Vec<PluginError>,
}

impl Tasks {
    /// Looks for plugins in `folders` first, then where they always lie.
    ///
    /// # Errors
    /// When a folder is not a whole path.
    pub(crate) fn find(folders: &[PathBuf]) -> Result<Self, CliError> {
        let search = SearchPath::new(folders)?;
        let mut plugins = Plugins::default();
        let problems = plugins.add_all(&search);
        let mut catalogue = built_in();
        for plugin in plugins.iter() {
            // Nobody's recipe changes its meaning because a plugin was installed.
            if catalogue.find(&plugin.description().id).is_none() {
                catalogue.tasks.push(of_plugin(plugin));
            }
        }
        Ok(Self { catalogue, plugins, problems })
    }
}

/// The tasks that every samkit has.
pub(crate) fn built_in() -> Catalogue {
    let image = || InputInfo {
        name: "image".into(),
        kind: RecipeKind::Image,
        required: true,
        about: "the image".into(),
    };
    let output = |name: &str, kind| OutputInfo { name: name.into(), kind };
    let needs = |product: &str| (product == edges::BINARY).then(|| "threshold".to_owned());
    let edges = TaskInfo {
        name: edges::NAME.into(),
        about: "edge maps: gradients of masks along their outlines, thinned".into(),
        inputs: vec![image()],
        outputs: vec![
            output(edges::THINNED, RecipeKind::EdgeMap),
            output(edges::RAW, RecipeKind::EdgeMap),
        ],
        products: edges::PRODUCTS.iter().map(|product| info(product, needs)).collect(),
        params: params_schema::<EdgeParams>(),
    };
    let everything = TaskInfo {
        name: everything::NAME.into(),
        about: "a mask for everything in an image".into(),
        inputs: vec![image()],
        outputs: vec![output(everything::MASKS, RecipeKind::Masks)],
        products: everything::PRODUCTS.iter().map(|product| info(product, |_| None)).collect(),
        params: params_schema::<GeneratorForm>(),
    };
    Catalogue { tasks: vec![edges, everything] }
}

fn info(product: &Product, needs: impl Fn(&str) -> Option<String>) -> ProductInfo {
    ProductInfo {
        name: product.name.into(),
        suffix: product.suffix.into(),
        default: product.default,
        needs: needs(product.name),
        about: product.about.into(),
    }
}

fn of_plugin(plugin: &Plugin) -> TaskInfo {
    let about = plugin.description();
    let input = |slot: &SlotDescription| InputInfo {
        name: slot.name.clone(),
        kind: kind(slot.kind),
        required: !slot.is_optional,
        about: slot.description.clone(),
    };
    let output =
        |slot: &SlotDescription| OutputInfo { name: slot.name.clone(), kind: kind(slot.kind) };
    let product = |(number, slot): (usize, &SlotDescription)| ProductInfo {
        name: slot.name.clone(),
        suffix: suffix(&about.id, number, slot),
        default: slot.is_default,
        needs: None,
        about: slot.description.clone(),
    };
    let mut products: Vec<_> = about.outputs.iter().enumerate().map(product).collect();
    let is_free = about.output(OVERLAY).is_none();
    if is_free && about.outputs.iter().any(|slot| is_drawn(slot.kind)) {
        products.push(ProductInfo {
            name: OVERLAY.into(),
            suffix: format!("{OVERLAY}.png"),
            default: true,
            needs: None,
            about: "what was found, on the image".into(),
        });
    }
    TaskInfo {
        name: about.id.clone(),
        about: about.description.clone(),
        inputs: about.inputs.iter().map(input).collect(),
        outputs: about.outputs.iter().map(output).collect(),
        products,
        params: about.params_schema.clone(),
    }
}

/// The recipe crate does not know the plugin border.
fn kind(kind: Kind) -> RecipeKind {
    match kind {
        Kind::Image => RecipeKind::Image,
        Kind::Boxes => RecipeKind::Boxes,
        Kind::Masks => RecipeKind::Masks,
        Kind::EdgeMap => RecipeKind::EdgeMap,
        Kind::Text => RecipeKind::Text,
        Kind::Table => RecipeKind::Table,
    }
}

//! The tasks that recipes can name: those built in, and those of plugins.

use std::path::PathBuf;

use samkit_plugin::params_schema;
use samkit_plugin_host::{Kind, Plugin, PluginError, Plugins, SearchPath, SlotDescription};
use samkit_recipe::{Catalogue, InputInfo, Kind as RecipeKind, OutputInfo, TaskInfo};

use crate::{
    error::CliError,
    tasks::{
        boxes::{self, BoxesParams},
        everything::{self, EverythingForm},
        plugin::products,
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
        let (plugins, problems) = find_plugins(&search);
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

/// The task `edges`, a plugin that is part of the program.
pub(crate) fn edges() -> Plugin {
    Plugin::linked_in(samkit_edges::entry()).expect("it is tested")
}

/// The task `detect`, likewise.
pub(crate) fn detect() -> Plugin {
    Plugin::linked_in(samkit_task_detect::entry()).expect("it is tested")
}

/// The task `instances`, likewise.
pub(crate) fn instances() -> Plugin {
    Plugin::linked_in(samkit_task_instances::entry()).expect("it is tested")
}

/// The task `text`, likewise.
pub(crate) fn text() -> Plugin {
    Plugin::linked_in(samkit_task_text::entry()).expect("it is tested")
}

/// The task `semantic`, likewise.
pub(crate) fn semantic() -> Plugin {
    Plugin::linked_in(samkit_task_semantic::entry()).expect("it is tested")
}

/// The program's own plugins and those of a search path, and why others are not among them.
pub(crate) fn find_plugins(search: &SearchPath) -> (Plugins, Vec<PluginError>) {
    let mut plugins = Plugins::default();
    for plugin in [edges(), detect(), instances(), text(), semantic()] {
        plugins.add(plugin).expect("their names differ");
    }
    let problems = plugins.add_all(search);
    (plugins, problems)
}

/// The tasks that are no plugins.
fn built_in() -> Catalogue {
    let everything = TaskInfo {
        name: everything::NAME.into(),
        about: "a mask for everything in an image".into(),
        inputs: vec![InputInfo {
            name: "image".into(),
            kind: RecipeKind::Image,
            required: true,
            about: "the image".into(),
        }],
        outputs: vec![OutputInfo { name: everything::MASKS.into(), kind: RecipeKind::Masks }],
        products: everything::products(),
        params: params_schema::<EverythingForm>(),
    };
    let boxes = TaskInfo {
        name: boxes::NAME.into(),
        about: "boxes out of annotation files: COCO, YOLO, Pascal VOC, CSV, labelme".into(),
        inputs: everything.inputs.clone(),
        outputs: vec![OutputInfo { name: boxes::BOXES.into(), kind: RecipeKind::Boxes }],
        products: boxes::products(),
        params: params_schema::<BoxesParams>(),
    };
    Catalogue { tasks: vec![everything, boxes] }
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
    TaskInfo {
        name: about.id.clone(),
        about: about.description.clone(),
        inputs: about.inputs.iter().map(input).collect(),
        outputs: about.outputs.iter().map(output).collect(),
        products: products(about),
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

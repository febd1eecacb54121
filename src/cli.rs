//! The command line as it is typed.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    convert::ConvertArgs, detect::DetectArgs, edges::EdgesArgs, eval::EvalArgs,
    everything::EverythingArgs, instances::InstancesArgs, merge::MergeArgs, models::ModelsArgs,
    plugins::PluginsArgs, recipe::RecipeArgs, run::RunArgs, segment::SegmentArgs, text::TextArgs,
};

/// Masks, edges and segments out of images with Segment Anything.
#[derive(Debug, Parser)]
#[command(name = "samkit", version = crate::version::text(), arg_required_else_help = true)]
#[command(subcommand_required = true, propagate_version = false, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  samkit run configs/edges.yaml               what is written in a recipe
  samkit run edges --input photos             a recipe that is built in, on a folder of images
  samkit edges photos --output out            edge maps of a folder of images
  samkit everything dog.jpg                   a mask for everything in an image
  samkit segment dog.jpg --point 320,240      the object under a point
  samkit instances photos --labels dog        a mask for every dog that a detector finds
  samkit text desk.jpg --query 'a red mug'    every segment that fits a description

Weights are fetched on first use and kept; `samkit models list` shows where they are.
Exit codes: 0 all done, 1 some images or steps failed, 2 the request was wrong and nothing ran,
130 stopped with Ctrl-C.";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Threads to compute with [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = thread_count)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Say more on stderr
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Say nothing but errors on stderr, and no table on stdout
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Folders to look for plugins in first, as whole paths
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugin_path: Vec<PathBuf>,
    /// When to use colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
}

fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1".into())
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Edges(EdgesArgs),
    Everything(EverythingArgs),
    Segment(SegmentArgs),
    Detect(DetectArgs),
    Instances(InstancesArgs),
    Text(TextArgs),
    Merge(MergeArgs),
    Convert(ConvertArgs),
    Models(ModelsArgs),
    Plugins(PluginsArgs),
    Recipe(RecipeArgs),
    Eval(EvalArgs),
}

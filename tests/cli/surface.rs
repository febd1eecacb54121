//! Help, version and colours.

use crate::support::{Place, scene};

#[test]
fn the_version_names_the_processor_features() {
    let run = Place::new().run(&["--version"]).exits(0);
    assert!(
        run.stdout.starts_with(concat!("samkit ", env!("CARGO_PKG_VERSION"))),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("CPU features"), "{}", run.stdout);
}

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::new();
    for command in ["run", "edges", "everything", "segment", "models", "plugins"] {
        let run = place.run(&[command, "--help"]).exits(0);
        assert!(run.stdout.contains(&format!("  samkit {command}")), "{}", run.stdout);
    }
    place.run(&[]).exits(2).says(&["Usage: samkit"]);
    place.run(&["edgse"]).exits(2).says(&["'edges'"]);
}

#[test]
fn colours_are_off_away_from_a_terminal_unless_asked_for() {
    let place = Place::new();
    let plain = place.run(&["run", "nothing"]).exits(2).stderr;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = place.run(&["run", "nothing", "--color", "always"]).exits(2).stderr;
    assert!(coloured.contains('\u{1b}'), "{coloured:?}");
}

/// As under `| head -1`, where the reader goes before everything is written.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    place.picture("a.png", &scene(8, 8));
    for args in [
        &["plugins", "show", "edges"][..],
        &["plugins", "list"],
        &["models", "list"],
        &["recipe", "schema"],
        &["edges", "a.png", "--dry-run"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_samkit"))
            .args(args)
            .current_dir(place.path(""))
            .stdout(writer)
            .output()
            .expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{args:?}: {errors}");
    }
}

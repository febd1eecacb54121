//! Help, version and colours.

use crate::support::Place;

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

//! `--precision` and `engine.precision`. What a machine is refused for is tested in the engine.

use crate::support::{Place, Run, needs_weights, scene};

/// A place with one image and no weights.
fn offline(place: &Place, args: &[&str]) -> Run {
    place.picture("a.png", &scene(48, 32));
    let empty = place.path("no-models");
    place.run_with(args, |command| _ = command.env("SAMKIT_MODELS_DIR", empty))
}

fn recipe(place: &Place, precision: &str) {
    let engine = format!("engine: {{ precision: {precision}, device: cpu }}");
    place.write("r.yaml", format!("version: 1\ninput: a.png\n{engine}\nsteps: [task: edges]\n"));
}

fn has_bf16() -> bool {
    samkit::engine::Precision::Bf16.check(samkit::engine::DeviceKind::Cpu).is_ok()
}

#[test]
fn an_unknown_name_is_refused_at_its_place() {
    let place = Place::new();
    offline(&place, &["edges", "a.png", "--precision", "f16"])
        .exits(2)
        .says(&["--precision", "`f32` or `bf16`"]);
    recipe(&place, "f16");
    offline(&place, &["run", "r.yaml"]).exits(2).says(&["r.yaml:3:22", "precision `f16`"]);
    offline(&place, &["recipe", "check", "r.yaml"]).exits(2).says(&["r.yaml:3:22"]);
}

#[test]
fn bf16_is_refused_where_the_cpu_has_none_and_before_weights_are_looked_for() {
    if has_bf16() {
        eprintln!("skipped: this CPU has AVX-512 BF16");
        return;
    }
    let place = Place::new();
    let refusal = ["precision `bf16` cannot be used", "AVX-512 BF16", "avx512bf16", "use `f32`"];
    offline(&place, &["edges", "a.png", "--device", "cpu", "--precision", "bf16"])
        .exits(2)
        .says(&refusal);
    recipe(&place, "bf16");
    offline(&place, &["run", "r.yaml", "--dry-run"]).exits(2).says(&["r.yaml:3:22"]).says(&refusal);
    offline(&place, &["run", "r.yaml", "--dry-run", "--precision", "f32"]).exits(0);
    // A recipe is right or wrong whatever the machine.
    offline(&place, &["recipe", "check", "r.yaml"]).exits(0);
}

#[test]
fn the_record_names_the_precision() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(48, 32));
    let args = ["edges", "a.png", "--points-per-side", "2", "--precision", "f32"];
    place.run(&[&args[..], &["--output", "out"]].concat()).exits(0);
    assert_eq!(place.json("out/run.json")["precision"], "f32");
}

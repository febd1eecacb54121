//! Many images: what is written, what is said, and that it is always the same.

use crate::support::{Place, QUICK, needs_weights, scene};

#[test]
fn a_bad_image_does_not_stop_the_others() {
    needs_weights!();
    let place = Place::new();
    place.write("in/1.png", "no picture");
    place.picture("in/2.png", &scene(48, 32));
    place.picture("in/deep/3.jpg", &scene(32, 48));
    place.write("in/notes.txt", "a folder with other files in it");
    place.write("in/.hidden", "");
    let args = [&["edges", "in", "--output", "out"][..], &QUICK].concat();
    let run = place.run(&args).exits(1).says(&["1.png: failed", "2.png", "3.jpg"]);
    assert_eq!(
        place.names("out"),
        ["2.edges.png", "2.overlay.png", "deep/3.edges.png", "deep/3.overlay.png"]
    );
    assert!(run.stdout.contains("FAILED") && run.stdout.contains("1 failed"), "{}", run.stdout);

    let record = place.json("out/run.json");
    assert_eq!(record["model"]["id"], "mobile-sam");
    assert_eq!(record["model"]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(record["steps"][0]["params"]["box_nms_thresh"], 0.7);
    assert_eq!(record["images"].as_array().map(Vec::len), Some(3));
    assert!(record["images"][0]["error"]["message"].is_string());
    assert_eq!(record["networks"]["images_encoded"], 2);
}

#[test]
fn results_below_the_input_folder_are_not_taken_for_images() {
    needs_weights!();
    let place = Place::new();
    place.picture("in/a.png", &scene(32, 32));
    for _ in 0..2 {
        let args = [&["edges", "in", "--output", "in/out"][..], &QUICK].concat();
        place.run(&args).exits(0);
        assert_eq!(place.names("in"), ["a.png", "out/a.edges.png", "out/a.overlay.png"]);
    }
}

#[test]
fn two_images_of_one_stem_keep_apart() {
    needs_weights!();
    let place = Place::new();
    place.picture("in/a.png", &scene(32, 32));
    place.picture("in/a.jpg", &scene(32, 32));
    let args = [&["edges", "in", "--output", "out", "--save", "thinned"][..], &QUICK].concat();
    place.run(&args).exits(0);
    assert_eq!(place.names("out"), ["a.jpg.edges.png", "a.png.edges.png"]);
}

#[test]
fn the_same_bytes_come_out_every_time_and_with_any_number_of_threads() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(90, 60));
    place.write(
        "r.yaml",
        "version: 1\ninput: a.png\nsteps:\n  \
         - { task: edges, params: { points_per_side: 3, threshold: 0.2 }, save: [thinned, raw, binary, overlay] }\n  \
         - { task: everything, params: { points_per_side: 3, pred_iou_thresh: 0.3, stability_score_thresh: 0.3 } }\n",
    );
    let run = |output, threads| {
        place.run(&["run", "r.yaml", "--output", output, "--threads", threads]).exits(0);
        place.files(output)
    };
    let first = run("first", "2");
    assert_eq!(
        first.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "edges/a.edges.binary.png",
            "edges/a.edges.png",
            "edges/a.edges.raw.png",
            "edges/a.overlay.png",
            "everything/a.masks.json",
            "everything/a.overlay.png",
        ]
    );
    let masks = place.json("first/everything/a.masks.json");
    assert!(masks.to_string().contains("counts"), "there is a mask: {masks}");
    assert!(first == run("again", "2"), "the second run gave other bytes");
    assert!(first == run("alone", "1"), "one thread gave other bytes");
    let record = place.json("first/run.json");
    assert_eq!(record["networks"]["images_encoded"], 1, "an image is encoded once for all steps");
}

#[test]
fn json_is_the_whole_of_stdout_and_equals_the_record() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(40, 30));
    let args = [&["edges", "a.png", "--output", "out", "--json", "-q"][..], &QUICK].concat();
    let run = place.run(&args).exits(0);
    assert_eq!(run.stderr, "");
    assert_eq!(run.json(), place.json("out/run.json"));
}

#[test]
fn timings_are_printed_when_asked_for() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(40, 30));
    let args = [&["edges", "a.png", "--timings"][..], &QUICK].concat();
    let run = place.run(&args).exits(0);
    assert!(run.stdout.contains("encoder: 1 image,"), "{}", run.stdout);
    assert!(run.stdout.contains("decoder: 4 prompts"), "{}", run.stdout);
    assert!(place.path("samkit-out/a.edges.png").exists(), "the default folder");
}

/// Ctrl-C, sent when the first image is done and the second is being worked on.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_complete_files_only() {
    use std::{process::Command, thread::sleep, time::Duration};

    needs_weights!();
    let place = Place::new();
    for name in ["in/1.png", "in/2.png", "in/3.png"] {
        place.picture(name, &scene(200, 150));
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_samkit"))
        .args([
            "edges",
            "in",
            "--output",
            "out",
            "--points-per-side",
            "6",
            "--save",
            "thinned",
            "-q",
        ])
        .current_dir(place.path(""))
        .spawn()
        .expect("the program starts");
    while !place.path("out/1.edges.png").exists() {
        assert_eq!(child.try_wait().expect("its state"), None, "it ended before it was stopped");
        sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    assert_eq!(place.names("out"), ["1.edges.png"], "no half files, no temporary ones");
    assert_eq!(place.size("out/1.edges.png"), (200, 150));
    assert_eq!(place.json("out/run.json")["interrupted"], true);
}

//! Runs over many images: resumed, killed, shared out, and in each other's way. The task is `boxes`, which
//! needs no network, so that there can be many.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use image::{Rgb, RgbImage};

use crate::support::{Place, Run, needs_weights, scene};

/// Everything that a step can write of boxes.
const SAVE: &str = "[overlay, labelme, coco, results, csv, yolo]";

/// A place with `count` pictures in `in`, two boxes for each, and the recipe `r.yaml`.
fn boxes(count: usize) -> Place {
    let place = Place::new();
    let mut csv = String::from("image,label,x_min,y_min,x_max,y_max,score\n");
    for number in 0..count {
        let name = format!("part {}/{number}.png", number % 3);
        place.picture(&format!("in/{name}"), &picture(number as u8));
        csv += &format!("{name},cat,2,3,20,14,0.9\n{name},dog,10,5,{},22,0.5\n", 15 + number % 9);
    }
    place.write("boxes.csv", csv);
    place.write("r.yaml", recipe(0.0));
    place
}

fn recipe(score_threshold: f32) -> String {
    format!(
        "version: 1\ninput: {{ paths: in, recursive: true }}\nsteps:\n  - task: boxes\n    params: \
         {{ file: boxes.csv, score_threshold: {score_threshold} }}\n    save: {SAVE}\n"
    )
}

fn picture(seed: u8) -> RgbImage {
    RgbImage::from_fn(40, 24, |x, y| Rgb([seed, (x * 6) as u8, (y * 10) as u8]))
}

fn run(place: &Place, output: &str, more: &[&str]) -> Run {
    place.run(&[&["run", "r.yaml", "--output", output][..], more].concat())
}

/// The files of a run that nothing disturbs.
fn reference(place: &Place) -> BTreeMap<String, Vec<u8>> {
    run(place, "reference", &["-q"]).exits(0);
    place.files("reference")
}

fn start(place: &Place, output: &str, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_samkit"))
        .args(["run", "r.yaml", "--output", output])
        .args(more)
        .current_dir(place.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// How a program that was started ended.
fn ended(child: Child) -> Run {
    let output = child.wait_with_output().expect("its end");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    let code = output.status.code().expect("the program ends by itself");
    Run { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !is_there() {
        assert!(Instant::now() < patience, "waited for {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Hidden files below a folder, except what the program keeps for itself.
fn hidden(place: &Place, folder: &str) -> Vec<String> {
    let is_hidden = |name: &String| name.rsplit('/').next().is_some_and(|n| n.starts_with('.'));
    place.names(folder).into_iter().filter(is_hidden).collect()
}

#[test]
fn a_resumed_run_does_what_is_missing_or_changed_and_nothing_else() {
    let place = boxes(6);
    run(&place, "out", &[]).exits(0);
    let stamp =
        |name: &str| fs::metadata(place.path(name)).expect("a file").modified().expect("a time");
    let before = stamp("out/part 0/0.overlay.png");

    place.picture("in/part 1/1.png", &picture(200));
    fs::remove_file(place.path("out/part 2/2.overlay.png")).expect("a file");
    place.write("out/part 0/3.labelme.json", "cut");
    place.picture("in/part 9/new.png", &picture(77));
    let again = run(&place, "out", &["--resume"]).exits(0);
    again.says(&["resuming: 3 of 7 images are complete and unchanged; 3 that failed or changed"]);
    assert_eq!(stamp("out/part 0/0.overlay.png"), before, "it was not touched");
    assert_eq!(place.json("out/run.json")["resumed"], 3);
    assert_eq!(place.json("out/run.json")["images"].as_array().map(Vec::len), Some(7));
    assert!(place.files("out") == reference(&place), "other bytes than those of one run");

    run(&place, "out", &["--resume"]).exits(0).says(&["resuming: 7 of 7"]);
    assert!(place.files("out") == reference(&place));
}

#[test]
fn images_that_failed_are_tried_again() {
    let place = boxes(3);
    place.write("in/part 1/1.png", "no picture");
    run(&place, "out", &[]).exits(1);
    place.picture("in/part 1/1.png", &picture(1));
    run(&place, "out", &["--resume"]).exits(0).says(&["resuming: 2 of 3"]);
    assert!(place.files("out") == reference(&place));
}

#[test]
fn another_run_is_not_resumed() {
    let place = boxes(2);
    run(&place, "out", &["--resume"]).exits(0).says(&["nothing to resume"]);
    let before = place.files("out");
    place.write("r.yaml", recipe(0.7));
    run(&place, "out", &["--resume"]).exits(2).says(&[
        "out holds another run than this one",
        "steps.boxes.params.score_threshold: was 0",
        "is 0.7",
        "--resume",
    ]);
    assert!(place.files("out") == before, "nothing was touched");
    place.write("r.yaml", recipe(0.0));
    place.write("boxes.csv", "image,label,x_min,y_min,x_max,y_max\npart 0/0.png,cat,1,2,3,4\n");
    run(&place, "out", &["--resume"]).exits(2).says(&["boxes.csv.bytes: was"]);
}

#[test]
fn a_run_that_is_begun_anew_says_what_it_leaves_behind() {
    let place = boxes(40);
    let mut child = start(&place, "out", &[]);
    wait_for("an image", || place.path("out/part 0/0.overlay.png").exists());
    child.kill().expect("it runs");
    child.wait().expect("its end");
    let run = run(&place, "out", &[]).exits(0);
    // Where it was fast enough it may have come to its end.
    if !run.stderr.contains("an earlier run here stopped after") {
        assert!(place.names("out").len() > 100);
    }
    assert!(place.files("out") == reference(&place));
}

/// Killed at fifty moments, spread over the whole run: what is there is whole at once, and the files
/// are those of a run that was let alone once it has been resumed.
#[cfg(unix)]
#[test]
fn killed_at_any_moment_a_run_can_be_resumed() {
    let place = boxes(16);
    let began = Instant::now();
    let reference = reference(&place);
    let whole = began.elapsed();
    let (mut early, mut late) = (0, 0);
    for moment in 0..50 {
        let mut child = start(&place, "out", &["-q"]);
        // A low-discrepancy sequence: moments as different as fifty can be.
        sleep(whole.mul_f64(f64::from(moment) * 0.618_034 % 1.0));
        child.kill().expect("it can be killed");
        child.wait().expect("its end");
        for (name, content) in place.files("out") {
            let is_whole = name.contains(".samkit-") || reference.get(&name) == Some(&content);
            assert!(is_whole, "{name} is half written, at moment {moment}");
        }
        let found = place.names("out").len();
        early += usize::from(found == 0);
        late += usize::from(found >= reference.len());
        run(&place, "out", &["--resume", "-q"]).exits(0);
        assert!(place.files("out") == reference, "other files, at moment {moment}");
        assert!(hidden(&place, "out").is_empty(), "temporary files are left");
        fs::remove_dir_all(place.path("out")).expect("a folder");
    }
    assert!(early + late < 50, "{early} too early and {late} too late to tell");
}

#[test]
fn shards_joined_are_one_run() {
    let place = boxes(10);
    let reference = reference(&place);
    for shard in ["2/3", "1/3"] {
        run(&place, "out", &["--shard", shard]).exits(0);
    }
    assert!(!place.path("out/coco.json").exists(), "a part is no data set");
    place.run(&["merge", "out"]).exits(2).says(&[
        "the run is not complete: shard 3/3 was not started, 3 images left",
        "--resume",
        "--partial",
    ]);
    let partial = place.run(&["merge", "out", "--partial"]).exits(1);
    assert!(partial.stdout.contains("7 images in out") && partial.stdout.contains("incomplete"));
    let last = ["run", "r.yaml", "--output", "out", "--shard", "auto/3"];
    let index = |command: &mut Command| _ = command.env("JOB_COMPLETION_INDEX", "2");
    place.run_with(&last, index).exits(0);
    assert_eq!(place.json("out/run.3-of-3.json")["shard"]["number"], 3);
    // What a killed shard left.
    place.write("out/.samkit-x.part", "half");
    let merged = place.run(&["merge", "out", "--json"]).exits(0);
    assert_eq!(merged.json(), place.json("out/run.json"));
    assert_eq!(merged.json()["images"].as_array().map(Vec::len), Some(10));
    let mut files = place.files("out");
    files.retain(|name, _| !name.starts_with("run."));
    assert!(files == reference, "other files than those of one run");
}

#[test]
fn a_shard_of_another_run_is_refused_at_once() {
    let place = boxes(4);
    run(&place, "out", &["--shard", "1/2"]).exits(0);
    run(&place, "out", &["--shard", "2/3"]).exits(2).says(&["parts: were 2, are 3", "--output"]);
    place.write("r.yaml", recipe(0.7));
    run(&place, "out", &["--shard", "2/2"]).exits(2).says(&["score_threshold: was 0", "is 0.7"]);
    place.write("r.yaml", recipe(0.0));
    place.picture("in/part 9/new.png", &picture(77));
    run(&place, "out", &["--shard", "2/2"]).exits(2).says(&["images: were 4, are 5 or others"]);
}

/// Stopped before its first image a run leaves what an earlier one has done.
#[cfg(unix)]
#[test]
fn an_early_stop_leaves_an_earlier_run() {
    needs_weights!();
    let place = Place::new();
    place.picture("in/a.png", &scene(160, 120));
    let args = ["everything", "in", "-o", "out", "--points-per-side", "40", "--save", "coco"];
    place
        .run(&["everything", "in", "-o", "out", "--points-per-side", "2", "--save", "coco"])
        .exits(0);
    let before = place.files("out");
    let child = Command::new(env!("CARGO_BIN_EXE_samkit"))
        .args(args)
        .current_dir(place.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The journal of the new run is there when weights are about to be loaded, which takes a moment; the
    // image then takes many.
    wait_for("the run", || place.path("out/.samkit/journal.new").exists());
    sleep(Duration::from_secs(4));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    let stopped = ended(child).exits(130);
    stopped.says(&["stopping", "stopped before the first image: nothing was changed"]);
    assert!(place.files("out") == before);
    let resume = ["everything", "in", "-o", "out", "--points-per-side", "2", "--save", "coco"];
    place.run(&[&resume[..], &["--resume"]].concat()).exits(0).says(&["resuming: 1 of 1"]);
}

#[test]
fn shards_of_other_disks_are_joined_too() {
    let place = boxes(5);
    run(&place, "a", &["--shard", "1/2"]).exits(0);
    run(&place, "b", &["--shard", "2/2"]).exits(0);
    place.run(&["merge", "a", "b"]).exits(2).says(&["--output"]);
    place.run(&["merge", "a", "b", "--output", "whole"]).exits(0);
    run(&place, "reference", &[]).exits(0);
    for file in ["coco.json", "results.json", "objects.csv", "yolo/data.yaml"] {
        let read = |folder: &str| fs::read(place.path(folder).join(file)).expect("a file");
        assert!(read("whole") == read("reference"), "{file} differs");
    }
    place.write("r.yaml", recipe(0.7));
    run(&place, "b", &["--shard", "2/2"]).exits(0);
    place.run(&["merge", "a", "b", "--output", "whole"]).exits(2).says(&["of different runs"]);
    place.run(&["merge", "reference"]).exits(2).says(&["no shard has written to reference"]);
    place.run(&["merge", "in"]).exits(2).says(&["in is not the output folder of a run"]);
}

#[test]
fn two_runs_do_not_write_to_one_folder() {
    let place = boxes(600);
    let first = start(&place, "out", &[]);
    let process = format!("process {}", first.id());
    wait_for("the first run", || place.path("out/part 0/0.overlay.png").exists());
    let refused = ["another run works in out: samkit r.yaml", &process, "--output"];
    run(&place, "out", &[]).exits(2).says(&refused);
    run(&place, "out", &["--shard", "1/2"]).exits(2).says(&refused);
    ended(first).exits(0);
}

#[test]
fn an_output_folder_that_goes_away_ends_the_run() {
    let place = boxes(300);
    let child = start(&place, "out", &[]);
    wait_for("an image", || place.path("out/part 0/0.overlay.png").exists());
    fs::rename(place.path("out"), place.path("gone")).expect("a folder");
    ended(child).exits(1).says(&["stopped: the output folder out was removed or replaced"]);
}

#[test]
fn a_file_that_is_replaced_during_the_run_is_one_or_the_other() {
    let place = boxes(120);
    let child = start(&place, "out", &[]);
    wait_for("an image", || place.path("out/part 0/0.overlay.png").exists());
    let (old, new) = (fs::read(place.path("in/part 2/119.png")).expect("a file"), picture(250));
    let fresh = place.picture("fresh.png", &new);
    fs::rename(&fresh, place.path("in/part 2/119.png")).expect("a file");
    ended(child).exits(0);
    let copy = fs::read(place.path("out/yolo/images/part 2/119.png")).expect("a copy");
    let new = fs::read(place.path("in/part 2/119.png")).expect("a file");
    assert!(copy == old || copy == new, "the copy is of the file that was read");
    run(&place, "out", &["--resume"]).exits(0);
    assert!(place.files("out") == reference(&place));
}

/// A small disk at `small`, or a change to it; only root can have one.
#[cfg(unix)]
fn mount(place: &Place, options: &str) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place.path("small"));
    let is_mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !is_mounted {
        eprintln!("skipped: only root can mount a small disk");
    }
    is_mounted
}

#[cfg(unix)]
fn unmount(place: &Place) {
    let unmounted = Command::new("umount").arg(place.path("small")).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
}

#[cfg(unix)]
#[test]
fn a_folder_that_nobody_may_write_to_is_refused() {
    let place = boxes(2);
    fs::create_dir(place.path("small")).expect("a folder");
    if !(mount(&place, "size=1m") && mount(&place, "remount,ro,size=1m")) {
        return;
    }
    let refused = run(&place, "small", &[]);
    let below = run(&place, "small/out", &[]);
    unmount(&place);
    for refused in [refused, below] {
        refused.exits(2).says(&["cannot write to the output folder small", "ead-only"]);
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_run_and_it_can_be_resumed() {
    let place = boxes(60);
    fs::create_dir(place.path("small")).expect("a folder");
    if !mount(&place, "size=200k") {
        return;
    }
    let full = run(&place, "small/out", &[]);
    let whole = place.files("small/out");
    assert!(mount(&place, "remount,size=50m"), "it can be made larger");
    let resumed = run(&place, "small/out", &["--resume"]);
    let files = place.files("small/out");
    unmount(&place);
    full.exits(1).says(&["stopped:", "the disk is full", "free some space"]);
    resumed.exits(0).says(&["resuming:"]);
    // As deep as the other: files that lead to the images differ else.
    run(&place, "large/out", &["-q"]).exits(0);
    let reference = place.files("large/out");
    for (name, content) in whole {
        assert!(reference.get(&name) == Some(&content), "{name} is half written");
    }
    assert!(files == reference);
}

#[cfg(unix)]
#[test]
fn a_run_goes_on_when_nobody_reads_what_it_says() {
    let place = boxes(30);
    let mut child = start(&place, "out", &["-v"]);
    // As in `samkit … 2>&1 | head -1`.
    drop(child.stderr.take());
    let patience = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.try_wait().expect("its state") {
            Some(status) => break status,
            None if Instant::now() > patience => panic!("it hangs: {:?}", child.kill()),
            None => sleep(Duration::from_millis(5)),
        }
    };
    assert_eq!(status.code(), Some(0));
    assert!(place.files("out") == reference(&place));
}

#[test]
fn images_beyond_the_limits_are_refused_and_the_others_done() {
    let place = boxes(2);
    place.picture("in/large.png", &RgbImage::new(1200, 1000));
    let limited = run(&place, "out", &["--max-megapixels", "1"]).exits(1);
    limited.says(&[
        "large.png` is too large: 1200×1000 pixels",
        "at most 1 million",
        "--max-megapixels",
    ]);
    assert_eq!(place.json("out/coco.json")["images"].as_array().map(Vec::len), Some(2));
    run(&place, "out", &["--resume"]).exits(0).says(&["resuming: 2 of 3"]);
    for wrong in [["--max-megapixels", "0"], ["--max-decode-memory", "x"], ["--jobs", "0"]] {
        run(&place, "out", &wrong).exits(2).says(&[wrong[0], "expected a whole number from 1"]);
    }
    run(&place, "out", &["--shard", "4/3"]).exits(2).says(&["part 4 of 3, expected 1 to 3"]);
}

#[test]
fn odd_names_are_names() {
    let place = Place::new();
    let long = "n".repeat(200);
    let names = [format!("{long}.png"), "zwei Wörter – 漢字.png".into(), "a 'quote\".png".into()];
    let mut csv = String::from("image,label,x_min,y_min,x_max,y_max\n");
    for name in &names {
        place.picture(&format!("in/{name}"), &picture(9));
        csv += &format!("\"{}\",cat,2,3,20,14\n", name.replace('"', "\"\""));
    }
    place.write("boxes.csv", csv);
    place.write("r.yaml", recipe(0.0));
    run(&place, "out put/ö", &[]).exits(0);
    assert!(place.path(&format!("out put/ö/{long}.overlay.png")).exists());
    assert!(place.path("out put/ö/zwei Wörter – 漢字.labelme.json").exists());
    assert_eq!(place.json("out put/ö/coco.json")["annotations"].as_array().map(Vec::len), Some(3));
    run(&place, "out put/ö", &["--resume"]).exits(0).says(&["resuming: 3 of 3"]);
}

//! From outputs to boxes in pixels of the input.

use samkit_core::BBox;

use super::{Family, layout::Layout};
use crate::Candidate;

/// One output of a network.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// Boxes with a score of at least `floor`; for [`Family::Postprocessed`] in pixels of the image.
/// `None` when the outputs do not have the family's shapes.
pub(super) fn decode(
    layout: Layout,
    outputs: &[Output],
    (width, height): (usize, usize),
    floor: f32,
) -> Option<Vec<Candidate>> {
    let first = outputs.first()?;
    let (across, down) = (width as f32, height as f32);
    let fractions =
        |row: &[f32]| centred(row[0] * across, row[1] * down, row[2] * across, row[3] * down);
    let mut found: Vec<Candidate> = match layout.family {
        Family::Yolox => yolox(rows(first, 6)?, (width, height)),
        Family::Yolov5 => {
            let read = |row: &[f32]| {
                let (class, score) = best(row.get(5..5 + layout.classes)?)?;
                let bbox = centred(row[0], row[1], row[2], row[3]);
                Some(Candidate { bbox, class, score: score * row[4] })
            };
            rows(first, 6)?.filter_map(read).collect()
        }
        Family::Yolo => yolo(first, layout.classes)?,
        Family::EndToEnd => rows(first, 6)?.filter_map(|row| known(row, row[5], row[4])).collect(),
        Family::RtDetr => {
            rows(first, 5)?.flat_map(|row| each(&row[4..], fractions(row), floor)).collect()
        }
        Family::Detr => {
            let second = outputs.get(1)?;
            let is_boxes = |output: &Output| output.dims.last() == Some(&4);
            let (logits, boxes) = match is_boxes(second) {
                true => (first, second),
                false => (second, first),
            };
            let read = |(logits, row): (&[f32], &[f32])| {
                each(&probabilities(logits, layout.has_background), fractions(row), floor)
            };
            rows(logits, 1)?.zip(rows(boxes, 4)?).flat_map(read).collect()
        }
        Family::Postprocessed => {
            let [labels, boxes, scores, ..] = outputs else { return None };
            let all = labels.values.iter().zip(rows(boxes, 4)?).zip(&scores.values);
            all.filter_map(|((&label, row), &score)| known(row, label, score)).collect()
        }
    };
    found.retain(|found| found.score >= floor);
    Some(found)
}

/// The rows along an output's last dimension, which is at least this long.
fn rows(output: &Output, least: usize) -> Option<impl Iterator<Item = &[f32]>> {
    let &length = output.dims.last()?;
    (length >= least).then(|| output.values.chunks_exact(length))
}

/// What a network says in so many words; places that it leaves empty have a class below 0.
fn known(corners: &[f32], class: f32, score: f32) -> Option<Candidate> {
    const MOST: f32 = 65535.0;
    let bbox = BBox::new(corners[0], corners[1], corners[2], corners[3]);
    let class = class.round();
    (0.0..=MOST).contains(&class).then_some(Candidate { bbox, class: class as usize, score })
}

fn yolox<'o>(
    rows: impl Iterator<Item = &'o [f32]>,
    (width, height): (usize, usize),
) -> Vec<Candidate> {
    let cells = [8, 16, 32].into_iter().flat_map(|stride| {
        let columns = width / stride;
        let count = columns * (height / stride);
        (0..count)
            .map(move |cell| (stride as f32, (cell % columns) as f32, (cell / columns) as f32))
    });
    let read = |(row, (stride, column, line)): (&[f32], (f32, f32, f32))| {
        let (class, score) = best(&row[5..])?;
        let (x, y) = ((row[0] + column) * stride, (row[1] + line) * stride);
        let bbox = centred(x, y, row[2].exp() * stride, row[3].exp() * stride);
        Some(Candidate { bbox, class, score: score * row[4] })
    };
    rows.zip(cells).filter_map(read).collect()
}

/// One row a value, one column a box.
fn yolo(output: &Output, classes: usize) -> Option<Vec<Candidate>> {
    let &[.., values, count] = &output.dims[..] else { return None };
    if values < 4 + classes {
        return None;
    }
    let at = |value: usize, index: usize| output.values[value * count + index];
    let read = |index: usize| {
        let classes: Vec<f32> = (4..4 + classes).map(|value| at(value, index)).collect();
        let (class, score) = best(&classes)?;
        let bbox = centred(at(0, index), at(1, index), at(2, index), at(3, index));
        Some(Candidate { bbox, class, score })
    };
    Some((0..count).filter_map(read).collect())
}

/// A candidate for every class that has the score.
fn each(scores: &[f32], bbox: BBox, floor: f32) -> Vec<Candidate> {
    let good = scores.iter().enumerate().filter(|&(_, &score)| score >= floor);
    good.map(|(class, &score)| Candidate { bbox, class, score }).collect()
}

/// Sigmoid of every class; softmax, and the last class dropped, where that is "nothing".
fn probabilities(logits: &[f32], has_background: bool) -> Vec<f32> {
    if !has_background {
        return logits.iter().map(|&logit| 1.0 / (1.0 + (-logit).exp())).collect();
    }
    let highest = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|&logit| (logit - highest).exp()).sum();
    logits[..logits.len() - 1].iter().map(|&logit| (logit - highest).exp() / sum).collect()
}

/// The first class with the highest score.
fn best(scores: &[f32]) -> Option<(usize, f32)> {
    let better = |best: Option<(usize, f32)>, (class, &score): (usize, &f32)| match best {
        Some((_, highest)) if score <= highest => best,
        _ => Some((class, score)),
    };
    scores.iter().enumerate().fold(None, better)
}

fn centred(x: f32, y: f32, width: f32, height: f32) -> BBox {
    BBox::new(x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(family: Family, classes: usize) -> Layout {
        Layout { family, classes, has_background: classes == 92 }
    }

    fn output(dims: &[usize], values: &[f32]) -> Output {
        Output { dims: dims.to_vec(), values: values.to_vec() }
    }

    #[test]
    fn yolox_counts_cells_grid_by_grid() {
        // 32×32: sixteen cells of 8, four of 16, one of 32; the last one speaks.
        let mut values = vec![0.0; 21 * 7];
        values[20 * 7..].copy_from_slice(&[0.5, 0.25, 0.0, 2f32.ln(), 0.5, 0.1, 0.8]);
        let found =
            decode(layout(Family::Yolox, 2), &[output(&[1, 21, 7], &values)], (32, 32), 0.2);
        let bbox = BBox::new(0.0, 8.0 - 32.0, 32.0, 8.0 + 32.0);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 1, score: 0.4 }]));
    }

    #[test]
    fn yolo_has_a_column_a_box() {
        let values = [10.0, 50.0, 20.0, 60.0, 4.0, 8.0, 2.0, 6.0, 0.1, 0.9, 0.7, 0.2];
        let found = decode(layout(Family::Yolo, 2), &[output(&[1, 6, 2], &values)], (64, 64), 0.5);
        let first = Candidate { bbox: BBox::new(8.0, 19.0, 12.0, 21.0), class: 1, score: 0.7 };
        let second = Candidate { bbox: BBox::new(46.0, 57.0, 54.0, 63.0), class: 0, score: 0.9 };
        assert_eq!(found, Some(vec![first, second]));
    }

    #[test]
    fn detrs_softmax_has_a_class_for_nothing_and_the_sigmoid_has_not() {
        let boxes = output(&[1, 1, 4], &[0.5, 0.5, 0.2, 0.4]);
        let bbox = BBox::new(40.0, 30.0, 60.0, 70.0);
        let two = output(&[1, 1, 2], &[0.0, -20.0]);
        for outputs in [[two.clone(), boxes.clone()], [boxes.clone(), two]] {
            let found = decode(layout(Family::Detr, 2), &outputs, (100, 100), 0.3);
            assert_eq!(found, Some(vec![Candidate { bbox, class: 0, score: 0.5 }]));
        }
        let mut logits = vec![-50.0; 92];
        (logits[17], logits[91]) = (3.0, 3.0);
        let outputs = [output(&[1, 1, 92], &logits), boxes];
        let found = decode(layout(Family::Detr, 92), &outputs, (100, 100), 0.3).expect("it fits");
        assert_eq!(found, [Candidate { bbox, class: 17, score: 0.5 }]);
    }

    #[test]
    fn exports_with_nms_inside_say_it_all() {
        // The second place is empty.
        let values = [1.0, 2.0, 3.0, 4.0, 0.9, 5.0, 0.0, 0.0, 0.0, 0.0, 0.8, -1.0];
        let found =
            decode(layout(Family::EndToEnd, 0), &[output(&[1, 2, 6], &values)], (64, 64), 0.1);
        let bbox = BBox::new(1.0, 2.0, 3.0, 4.0);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 5, score: 0.9 }]));
        let outputs = [
            output(&[1, 1], &[7.0]),
            output(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]),
            output(&[1, 1], &[0.6]),
        ];
        let found = decode(layout(Family::Postprocessed, 0), &outputs, (64, 64), 0.1);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 7, score: 0.6 }]));
    }
}

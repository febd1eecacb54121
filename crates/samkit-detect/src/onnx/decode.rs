//! From outputs to boxes in pixels of the input.

use samkit_core::BBox;

use super::family::{Family, has_background};
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
    family: Family,
    outputs: &[Output],
    (width, height): (usize, usize),
    floor: f32,
) -> Option<Vec<Candidate>> {
    let (across, down) = (width as f32, height as f32);
    let found = match family {
        Family::Yolox => yolox(rows(outputs.first()?)?, (width, height), floor),
        Family::Yolov5 => {
            let read = |row: &[f32]| {
                let (class, score) = best(&row[5..])?;
                let bbox = centred(row[0], row[1], row[2], row[3]);
                Some(Candidate { bbox, class, score: score * row[4] })
            };
            rows(outputs.first()?)?.filter_map(read).filter(|found| found.score >= floor).collect()
        }
        Family::Yolo => yolo(outputs.first()?, floor)?,
        Family::EndToEnd => {
            let read = |row: &[f32]| {
                let bbox = BBox::new(row[0], row[1], row[2], row[3]);
                Candidate { bbox, class: row[5].max(0.0) as usize, score: row[4] }
            };
            rows(outputs.first()?)?.map(read).filter(|found| found.score >= floor).collect()
        }
        Family::RtDetr => {
            let read = |row: &[f32]| {
                let bbox = centred(row[0] * across, row[1] * down, row[2] * across, row[3] * down);
                each(&row[4..], bbox, floor)
            };
            rows(outputs.first()?)?.flat_map(read).collect()
        }
        Family::Detr => {
            let (logits, boxes) = match outputs {
                [first, second, ..] if first.dims.last() == Some(&4) => (second, first),
                [first, second, ..] => (first, second),
                _ => return None,
            };
            let read = |(logits, row): (&[f32], &[f32])| {
                let bbox = centred(row[0] * across, row[1] * down, row[2] * across, row[3] * down);
                each(&probabilities(logits), bbox, floor)
            };
            rows(logits)?.zip(rows(boxes)?).flat_map(read).collect()
        }
        Family::Postprocessed => {
            let [labels, boxes, scores, ..] = outputs else { return None };
            let all = labels.values.iter().zip(rows(boxes)?).zip(&scores.values);
            let read = |((&label, row), &score): ((&f32, &[f32]), &f32)| Candidate {
                bbox: BBox::new(row[0], row[1], row[2], row[3]),
                class: label.max(0.0) as usize,
                score,
            };
            all.map(read).filter(|found| found.score >= floor).collect()
        }
    };
    Some(found)
}

/// The rows along an output's last dimension.
fn rows(output: &Output) -> Option<impl Iterator<Item = &[f32]>> {
    let &length = output.dims.last()?;
    (length >= 4).then(|| output.values.chunks_exact(length))
}

fn yolox<'o>(
    rows: impl Iterator<Item = &'o [f32]>,
    (width, height): (usize, usize),
    floor: f32,
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
    rows.zip(cells).filter_map(read).filter(|found| found.score >= floor).collect()
}

/// One row a value, one column a box.
fn yolo(output: &Output, floor: f32) -> Option<Vec<Candidate>> {
    let &[.., values, count] = &output.dims[..] else { return None };
    if values < 5 {
        return None;
    }
    let at = |value: usize, index: usize| output.values[value * count + index];
    let read = |index: usize| {
        let classes: Vec<f32> = (4..values).map(|value| at(value, index)).collect();
        let (class, score) = best(&classes)?;
        let bbox = centred(at(0, index), at(1, index), at(2, index), at(3, index));
        Some(Candidate { bbox, class, score })
    };
    Some((0..count).filter_map(read).filter(|found| found.score >= floor).collect())
}

/// A candidate for every class that has the score.
fn each(scores: &[f32], bbox: BBox, floor: f32) -> Vec<Candidate> {
    let good = scores.iter().enumerate().filter(|&(_, &score)| score >= floor);
    good.map(|(class, &score)| Candidate { bbox, class, score }).collect()
}

/// Sigmoid of every class; softmax, and the last class dropped, where that is "nothing".
fn probabilities(logits: &[f32]) -> Vec<f32> {
    if !has_background(logits.len()) {
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

    fn output(dims: &[usize], values: &[f32]) -> Output {
        Output { dims: dims.to_vec(), values: values.to_vec() }
    }

    #[test]
    fn yolox_counts_cells_grid_by_grid() {
        // 32×32: sixteen cells of 8, four of 16, one of 32; the last one speaks.
        let mut values = vec![0.0; 21 * 7];
        values[20 * 7..].copy_from_slice(&[0.5, 0.25, 0.0, 2f32.ln(), 0.5, 0.1, 0.8]);
        let found = decode(Family::Yolox, &[output(&[1, 21, 7], &values)], (32, 32), 0.2);
        let bbox = BBox::new(0.0, 8.0 - 32.0, 32.0, 8.0 + 32.0);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 1, score: 0.4 }]));
    }

    #[test]
    fn yolo_has_a_column_a_box() {
        let values = [10.0, 50.0, 20.0, 60.0, 4.0, 8.0, 2.0, 6.0, 0.1, 0.9, 0.7, 0.2];
        let found = decode(Family::Yolo, &[output(&[1, 6, 2], &values)], (64, 64), 0.5);
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
            let found = decode(Family::Detr, &outputs, (100, 100), 0.3);
            assert_eq!(found, Some(vec![Candidate { bbox, class: 0, score: 0.5 }]));
        }
        let mut logits = vec![-50.0; 92];
        (logits[17], logits[91]) = (3.0, 3.0);
        let outputs = [output(&[1, 1, 92], &logits), boxes];
        let found = decode(Family::Detr, &outputs, (100, 100), 0.3).expect("it fits");
        assert_eq!(found, [Candidate { bbox, class: 17, score: 0.5 }]);
    }

    #[test]
    fn exports_with_nms_inside_say_it_all() {
        let values = [1.0, 2.0, 3.0, 4.0, 0.9, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let found = decode(Family::EndToEnd, &[output(&[1, 2, 6], &values)], (64, 64), 0.1);
        let bbox = BBox::new(1.0, 2.0, 3.0, 4.0);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 5, score: 0.9 }]));
        let outputs = [
            output(&[1, 1], &[7.0]),
            output(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]),
            output(&[1, 1], &[0.6]),
        ];
        let found = decode(Family::Postprocessed, &outputs, (64, 64), 0.1);
        assert_eq!(found, Some(vec![Candidate { bbox, class: 7, score: 0.6 }]));
    }
}

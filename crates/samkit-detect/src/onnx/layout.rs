//! Which family's outputs a graph has, told by their shapes.

use super::Family;

/// How the outputs are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) family: Family,
    /// Scores a box; 0 where the outputs do not say.
    pub(super) classes: usize,
    /// Whether a DETR's last class is "nothing", which its softmax needs.
    pub(super) has_background: bool,
}

/// Strides of the grids that YOLO's relatives have.
const PYRAMIDS: [&[usize]; 4] = [&[8, 16, 32], &[8, 16, 32, 64], &[4, 8, 16, 32], &[16, 32]];
/// Queries that RT-DETR has. (Encoders have tokens by rows and columns too, but not as many.)
const RT_DETR_QUERIES: usize = 300;
/// More boxes than any DETR asks for: those of a grid.
const MOST_QUERIES: usize = 1000;

/// A family that outputs may belong to.
struct Fit {
    family: Family,
    classes: usize,
    /// Whether hardly anything else has such outputs.
    is_sure: bool,
}

impl Layout {
    /// `wanted` decides where it is given and fits; else the shapes do, and the number of names (in
    /// the file, else given) where the shapes alone could be another network's.
    pub(super) fn recognise(
        outputs: &[Vec<Option<usize>>],
        side: (usize, usize),
        wanted: Option<Family>,
        (in_file, given): (Option<usize>, Option<usize>),
    ) -> Result<Self, String> {
        let names = in_file.or(given);
        let fits = fits(outputs, side);
        let is_named = |fit: &&Fit| fit.classes > 0 && Some(fit.classes) == names;
        let chosen = match wanted {
            Some(family) => fits.iter().find(|fit| fit.family == family),
            None => fits.iter().find(|fit| fit.is_sure).or_else(|| fits.iter().find(is_named)),
        };
        let refused = || match (wanted, fits.first()) {
            (Some(family), _) => format!("they do not fit `{}`", family.name()),
            (None, None) => "they fit no family of detectors".to_owned(),
            (None, Some(_)) => {
                let names: Vec<_> = fits.iter().map(|fit| fit.family.name()).collect();
                let names = names.join("` or `");
                format!("many networks have such; name the layout if this is `{names}`")
            }
        };
        let &Fit { family, classes, .. } = chosen.ok_or_else(refused)?;
        // DETR itself has COCO's 91 and "nothing".
        let is_one_more = classes == 92 || names.is_some_and(|names| names + 1 == classes);
        let has_background = family == Family::Detr && is_one_more;
        // What follows the classes of a file that names them are key points and the like.
        let has_more = matches!(family, Family::Yolo | Family::Yolov5);
        let named = in_file.filter(|&names| has_more && names < classes);
        Ok(Self { family, classes: named.unwrap_or(classes), has_background })
    }
}

/// Cells of grids of these strides.
fn cells((height, width): (usize, usize), strides: &[usize]) -> usize {
    strides.iter().map(|stride| (height / stride) * (width / stride)).sum()
}

/// The families that outputs of these shapes may belong to, the likeliest first.
fn fits(outputs: &[Vec<Option<usize>>], side: (usize, usize)) -> Vec<Fit> {
    // More outputs may follow, which boxes do not need.
    match outputs {
        [first, second, third, ..] if first.len() == 2 && second.len() == 3 && third.len() == 2 => {
            let is_boxes = second[2] == Some(4);
            let fit = Fit { family: Family::Postprocessed, classes: 0, is_sure: true };
            is_boxes.then_some(fit).into_iter().collect()
        }
        [first, second, ..] if first.len() == 3 && second.len() == 3 && first[1] == second[1] => {
            let is_sure = first[1].is_some_and(|queries| queries <= MOST_QUERIES);
            match (first[2], second[2]) {
                (Some(4), Some(classes)) | (Some(classes), Some(4)) => {
                    vec![Fit { family: Family::Detr, classes, is_sure }]
                }
                _ => Vec::new(),
            }
        }
        [only, rest @ ..] => single(only, side, mask_coefficients(rest)),
        [] => Vec::new(),
    }
}

/// Values that follow a box's classes: as many as there are prototypes of masks (1×M×height×width).
fn mask_coefficients(others: &[Vec<Option<usize>>]) -> usize {
    match others.first().map(Vec::as_slice) {
        Some(&[_, Some(prototypes), Some(_), Some(_)]) => prototypes,
        _ => 0,
    }
}

fn single(dims: &[Option<usize>], side: (usize, usize), masks: usize) -> Vec<Fit> {
    let end_to_end = Fit { family: Family::EndToEnd, classes: 0, is_sure: true };
    match *dims {
        [_, Some(rows), Some(values)] => rectangle(rows, values, side, masks),
        // The number of boxes that NMS leaves is open, and the batch is often dropped.
        [_, None, Some(6)] => vec![end_to_end],
        [rows, Some(6)] if rows != Some(1) => vec![end_to_end],
        _ => Vec::new(),
    }
}

fn rectangle(rows: usize, values: usize, side: (usize, usize), masks: usize) -> Vec<Fit> {
    let is_grid = |count: usize| PYRAMIDS.iter().any(|strides| cells(side, strides) == count);
    let mut fits = Vec::new();
    let mut push = |family, fixed, length: usize, is_sure| {
        if length > fixed {
            fits.push(Fit { family, classes: length - fixed, is_sure });
        }
    };
    if rows == cells(side, PYRAMIDS[0]) {
        push(Family::Yolox, 5, values, true);
    }
    if rows > values {
        push(Family::Yolov5, 5 + masks, values, rows.is_multiple_of(3) && is_grid(rows / 3));
    }
    if values > rows {
        push(Family::Yolo, 4 + masks, rows, is_grid(values));
    }
    if values == 6 {
        let is_sure = rows <= MOST_QUERIES;
        fits.push(Fit { family: Family::EndToEnd, classes: 0, is_sure });
    } else if rows <= MOST_QUERIES {
        let is_sure = rows == RT_DETR_QUERIES;
        fits.extend((values > 4).then(|| Fit {
            family: Family::RtDetr,
            classes: values - 4,
            is_sure,
        }));
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(outputs: &[&[usize]], side: usize, names: Option<usize>) -> Result<Layout, String> {
        let outputs: Vec<Vec<_>> =
            outputs.iter().map(|dims| dims.iter().map(|&dim| Some(dim)).collect()).collect();
        Layout::recognise(&outputs, (side, side), None, (names, None))
    }

    fn one(outputs: &[&[usize]], side: usize) -> Option<(Family, usize)> {
        of(outputs, side, None).ok().map(|layout| (layout.family, layout.classes))
    }

    #[test]
    fn families_are_known_by_their_shapes() {
        assert_eq!(one(&[&[1, 3549, 85]], 416), Some((Family::Yolox, 80)));
        assert_eq!(one(&[&[1, 3549, 6]], 416), Some((Family::Yolox, 1)));
        assert_eq!(one(&[&[1, 25200, 85]], 640), Some((Family::Yolov5, 80)));
        assert_eq!(one(&[&[1, 102_000, 6]], 1280), Some((Family::Yolov5, 1)));
        assert_eq!(one(&[&[1, 84, 8400]], 640), Some((Family::Yolo, 80)));
        assert_eq!(one(&[&[1, 5, 8400]], 640), Some((Family::Yolo, 1)));
        assert_eq!(one(&[&[1, 84, 34000]], 640), Some((Family::Yolo, 80)));
        assert_eq!(one(&[&[1, 300, 6]], 640), Some((Family::EndToEnd, 0)));
        assert_eq!(one(&[&[1, 300, 84]], 640), Some((Family::RtDetr, 80)));
        assert_eq!(one(&[&[1, 100, 92], &[1, 100, 4]], 800), Some((Family::Detr, 92)));
        assert_eq!(one(&[&[1, 300, 4], &[1, 300, 80]], 640), Some((Family::Detr, 80)));
        let own = [&[1, 300][..], &[1, 300, 4], &[1, 300]];
        assert_eq!(one(&own, 640), Some((Family::Postprocessed, 0)));
    }

    #[test]
    fn values_behind_the_classes_are_no_classes() {
        // Coefficients of masks, as many as there are prototypes; 17 key points of a person.
        let segmentation = of(&[&[1, 116, 8400], &[1, 32, 160, 160]], 640, None);
        assert_eq!(segmentation.expect("YOLO").classes, 80);
        assert_eq!(of(&[&[1, 56, 8400]], 640, Some(1)).expect("YOLO").classes, 1);
        // A list that the user gives may be too short.
        let outputs = [vec![Some(1), Some(84), Some(8400)]];
        let given = Layout::recognise(&outputs, (640, 640), None, (None, Some(2)));
        assert_eq!(given.expect("YOLO").classes, 80);
    }

    #[test]
    fn other_shapes_are_nobodys() {
        // A classifier (of six classes, too), feature maps, prompts, boxes alone.
        let shapes =
            [&[1, 1000][..], &[1, 6], &[1, 512, 7, 7], &[1, 8, 4, 6], &[1, 3, 4], &[1, 9, 4]];
        for dims in shapes {
            assert_eq!(one(&[dims], 224), None, "{dims:?}");
        }
        assert_eq!(one(&[], 224), None);
        let wanted = Layout::recognise(
            &[vec![Some(1), Some(84), Some(8400)]],
            (640, 640),
            Some(Family::Yolox),
            (None, None),
        );
        assert_eq!(wanted, Err("they do not fit `yolox`".to_owned()));
    }

    #[test]
    fn an_encoders_tokens_are_boxes_only_when_somebody_says_so() {
        for dims in [[1, 197, 192], [1, 50, 768], [1, 196, 768], [1, 256, 4096]] {
            let error = of(&[&dims], 224, None).expect_err("nobody says so");
            assert!(error.contains("name the layout"), "{dims:?}: {error}");
        }
        // Grids of pixels with boxes and scores apart are no DETR's queries.
        assert!(of(&[&[1, 8400, 4], &[1, 8400, 80]], 640, None).is_err());
        let outputs = [vec![Some(1), Some(150), Some(9)]];
        let given = Layout::recognise(&outputs, (640, 640), Some(Family::RtDetr), (None, None));
        assert_eq!(given.expect("it is given").classes, 5);
        let named = of(&[&[1, 150, 9]], 640, Some(5)).expect("the names count the classes");
        assert_eq!(named.family, Family::RtDetr);
    }

    #[test]
    fn a_class_more_than_names_is_nothing() {
        let background = |classes: usize, names| {
            of(&[&[1, 100, classes], &[1, 100, 4]], 800, names).expect("DETR").has_background
        };
        assert!(background(92, None) && background(4, Some(3)));
        assert!(!background(80, None) && !background(3, Some(3)) && !background(4, None));
    }
}

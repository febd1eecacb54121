//! Small disconnected regions and holes.

use crate::Mask;

/// Which small regions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionMode {
    /// Regions of background are filled. One that touches the image's border counts too.
    Holes,
    /// Regions of the mask are removed, but never all: if all are small, the largest stays.
    Islands,
}

/// Fills the holes, or removes the islands, with fewer than `area_threshold` pixels; says whether
/// the mask changed. Pixels belong together when they touch at a side or a corner, for holes too.
///
/// The same as the reference's `remove_small_regions` (`segment_anything/utils/amg.py`), down to
/// which of several largest islands stays. Like there, "changed" only says that a small region was
/// found: a single small island stays as it is and is still reported.
pub fn remove_small_regions(mask: &Mask, area_threshold: u32, mode: RegionMode) -> (Mask, bool) {
    let wanted = mode == RegionMode::Islands;
    let regions = regions_of(mask, wanted);
    let is_small = |region: &Region| region.area < u64::from(area_threshold);
    if !regions.iter().any(is_small) {
        return (mask.clone(), false);
    }
    let survivor = match mode {
        RegionMode::Islands if regions.iter().all(is_small) => regions
            .iter()
            .max_by(|a, b| a.area.cmp(&b.area).then(b.first_block.cmp(&a.first_block))),
        _ => None,
    };
    let mut result = mask.clone();
    for region in regions.iter().filter(|region| is_small(region)) {
        if survivor.is_some_and(|survivor| std::ptr::eq(survivor, region)) {
            continue;
        }
        for run in &region.runs {
            result.row_mut(run.y)[run.start as usize..run.end as usize].fill(!wanted);
        }
    }
    (result, true)
}

/// Pixels of one value next to each other in a row.
#[derive(Clone, Copy)]
struct Run {
    y: u32,
    start: u32,
    end: u32,
}

/// An 8-connected component.
struct Region {
    area: u64,
    /// Where its first pixel lies in a scan by blocks of 2×2 pixels, row by row. OpenCV numbers
    /// the components in this order, and the reference keeps the first of several largest ones.
    first_block: (u32, u32),
    runs: Vec<Run>,
}

/// The 8-connected components of the pixels equal to `wanted`.
fn regions_of(mask: &Mask, wanted: bool) -> Vec<Region> {
    let runs = runs_of(mask, wanted);
    let mut parents: Vec<usize> = (0..runs.len()).collect();
    let mut above = 0; // the first run of the row before that can still touch
    for (index, run) in runs.iter().enumerate() {
        // Runs of the row before end left of this one's reach: no later run touches them either.
        while runs[above].y + 1 < run.y || (runs[above].y < run.y && runs[above].end < run.start) {
            above += 1;
        }
        let touching = (above..index)
            .take_while(|&other| runs[other].y < run.y && runs[other].start <= run.end);
        for other in touching {
            let (a, b) = (root(&mut parents, other), root(&mut parents, index));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut regions: Vec<Region> = Vec::new();
    let mut region_of_root = vec![usize::MAX; runs.len()];
    for (index, &run) in runs.iter().enumerate() {
        let root = root(&mut parents, index);
        if root == index {
            region_of_root[root] = regions.len();
            regions.push(Region { area: 0, first_block: (u32::MAX, 0), runs: Vec::new() });
        }
        let region = &mut regions[region_of_root[root]];
        region.area += u64::from(run.end - run.start);
        region.first_block = region.first_block.min((run.y / 2, run.start / 2));
        region.runs.push(run);
    }
    regions
}

/// Runs of pixels equal to `wanted`, row by row from left to right.
fn runs_of(mask: &Mask, wanted: bool) -> Vec<Run> {
    let mut runs = Vec::new();
    for y in 0..mask.size().height {
        let row = mask.row(y);
        let mut x = 0;
        while let Some(offset) = row[x..].iter().position(|&pixel| pixel == wanted) {
            let start = x + offset;
            let length = row[start..].iter().position(|&pixel| pixel != wanted);
            x = length.map_or(row.len(), |length| start + length);
            runs.push(Run { y, start: start as u32, end: x as u32 });
        }
    }
    runs
}

/// The representative of `index` in a forest in which parents never have larger indices.
fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

//! A part of the images, for many machines that share the work.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The `number`-th of `count` parts, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Shard {
    pub(crate) number: usize,
    pub(crate) count: usize,
}

/// Reads the number, and where need be the count, from the environment.
const AUTO: &str = "auto";
/// More parts than any scheduler starts.
const MOST: usize = 1_000_000;

impl Shard {
    /// Whether the image at this place of the list is its. Neighbours go to different parts: images of
    /// one folder are alike, so all parts take about as long.
    pub(crate) fn has(self, place: usize) -> bool {
        place % self.count == self.number - 1
    }

    /// How many of a list's images are its.
    pub(crate) fn share(self, images: usize) -> usize {
        (images + self.count - self.number) / self.count
    }

    fn new(number: usize, count: usize) -> Result<Self, String> {
        if !(1..=MOST).contains(&count) {
            return Err(format!("{count} parts, expected 1 to {MOST}"));
        }
        if !(1..=count).contains(&number) {
            return Err(format!("part {number} of {count}, expected 1 to {count}"));
        }
        Ok(Self { number, count })
    }

    /// As a flag says it: `3/8`, `auto/8` or `auto`; `variable` looks into the environment.
    pub(crate) fn parse(
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let form = "expected NUMBER/COUNT such as 3/8, auto/8 or auto";
        let whole = |text: &str| text.parse::<usize>().map_err(|_| form.to_owned());
        match text.split_once('/') {
            Some((AUTO, count)) => {
                let (number, _) = from_scheduler(&variable)?;
                Self::new(number, whole(count)?)
            }
            Some((number, count)) => Self::new(whole(number)?, whole(count)?),
            None if text == AUTO => {
                let (number, count) = from_scheduler(&variable)?;
                let count = count.ok_or(
                    "this scheduler does not tell how many parts there are: write auto/COUNT",
                )?;
                Self::new(number, count)
            }
            None => Err(form.to_owned()),
        }
    }
}

/// The number from 1, and the count where the scheduler tells it.
fn from_scheduler(
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<(usize, Option<usize>), String> {
    let value = |name: &str| {
        let read = |text: String| {
            text.trim()
                .parse::<usize>()
                .map_err(|_| format!("the variable {name} is `{text}`, expected a whole number"))
        };
        variable(name).map(read).transpose()
    };
    let slurm = match value("SLURM_ARRAY_TASK_ID")? {
        None => None,
        Some(id) => {
            // An array need not begin at 1, nor go by ones.
            let first = value("SLURM_ARRAY_TASK_MIN")?.unwrap_or(1);
            let step = value("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let number = id.checked_sub(first).map(|past| past / step + 1);
            let number = number.ok_or("SLURM_ARRAY_TASK_ID is below SLURM_ARRAY_TASK_MIN")?;
            Some((number, value("SLURM_ARRAY_TASK_COUNT")?))
        }
    };
    let kubernetes = value("JOB_COMPLETION_INDEX")?.map(|index| (index.saturating_add(1), None));
    let parallel = value("PARALLEL_SEQ")?.map(|number| (number, None));
    let mut found = [slurm, kubernetes, parallel].into_iter().flatten();
    let variables = "SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX (Kubernetes) or PARALLEL_SEQ (GNU \
                     parallel)";
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(format!("none of {variables} is set: write the number, as in 3/8")),
        (Some(_), Some(_)) => {
            Err(format!("more than one of {variables} is set: write the number, as in 3/8"))
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, |name| std::env::var(name).ok())
    }
}

impl fmt::Display for Shard {
    /// As in names of files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<(usize, usize), String> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        Shard::parse(text, variable).map(|shard| (shard.number, shard.count))
    }

    #[test]
    fn numbers_are_taken_as_they_stand() {
        assert_eq!(parse("3/8", &[("PARALLEL_SEQ", "5")]), Ok((3, 8)));
        for wrong in ["0/8", "9/8", "1/0", "3", "3/x", "", "/", "-1/4", "1/9999999"] {
            assert!(parse(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn schedulers_tell_the_number() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "14"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(parse("auto", &slurm), Ok((3, 4)));
        assert_eq!(parse("auto/6", &slurm), Ok((3, 6)));
        assert_eq!(parse("auto/8", &[("JOB_COMPLETION_INDEX", "0")]), Ok((1, 8)));
        assert_eq!(parse("auto/8", &[("PARALLEL_SEQ", "8")]), Ok((8, 8)));
        assert!(parse("auto", &[("PARALLEL_SEQ", "8")]).is_err(), "the count is not known");
        assert!(parse("auto/8", &[]).is_err(), "nothing is set");
        let two = [("JOB_COMPLETION_INDEX", "0"), ("PARALLEL_SEQ", "1")];
        assert!(parse("auto/8", &two).is_err(), "which?");
        assert!(parse("auto/8", &[("PARALLEL_SEQ", "x")]).is_err());
    }

    #[test]
    fn parts_share_out_every_image_once() {
        for (images, count) in [(0, 3), (1, 3), (10, 3), (12, 4), (5, 8)] {
            let shards: Vec<_> = (1..=count).map(|number| Shard { number, count }).collect();
            for place in 0..images {
                assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1);
            }
            for shard in shards {
                let own = (0..images).filter(|&place| shard.has(place)).count();
                assert_eq!(own, shard.share(images));
            }
        }
    }
}

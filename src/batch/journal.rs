//! The journal of a run: a line an image, appended when its files are complete.
//!
//! Everything that is made of all images, `run.json` too, is made from it at the end, so that a run
//! needs no more memory for many images than for few, and what was done is known however a run ended.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::record::{Header, Line, Session};
use crate::shard::Shard;

/// Where a run keeps its own files, below the output folder; finding images passes over it.
pub(crate) const FOLDER: &str = ".samkit";
/// Version of the format.
pub(crate) const FORMAT: u32 = 1;
/// Longer than any line of an image with masks: a guard against files that are no journals.
const LONGEST_LINE: u64 = 1 << 30;

/// The journals of shards in an output folder, in the order of their names.
///
/// # Errors
/// When the folder of a run cannot be listed.
pub(crate) fn of_shards(output: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(output.join(FOLDER))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("journal.") && name.contains("-of-") && name.ends_with(".jsonl") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The journal's file.
pub(crate) fn path(output: &Path, shard: Option<Shard>) -> PathBuf {
    let name = shard.map_or("journal.jsonl".into(), |shard| format!("journal.{shard}.jsonl"));
    output.join(FOLDER).join(name)
}

/// Where a line is.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: usize,
    offset: u64,
    length: u64,
}

/// Lines of one journal or several, found again by the images' places in the list.
#[derive(Debug, Default)]
pub(crate) struct Records {
    files: Vec<PathBuf>,
    places: Vec<Option<Place>>,
    pub(crate) sessions: Vec<Session>,
}

/// A journal that is being written. It takes the place of an earlier one when there is something in it
/// that is worth that, see [`Journal::settle`].
#[derive(Debug)]
pub(crate) struct Journal {
    /// Where it is now, and where it is to be.
    path: PathBuf,
    goal: PathBuf,
    file: File,
    length: u64,
    records: Records,
}

impl Journal {
    /// Begins one beside any that is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn create(goal: &Path, header: Header) -> io::Result<Self> {
        let path = goal.with_extension("new");
        let records = Records {
            files: vec![path.clone()],
            places: vec![None; header.images],
            sessions: Vec::new(),
        };
        let file = File::create(&path)?;
        let goal = goal.to_owned();
        let mut journal = Self { path, goal, file, length: 0, records };
        journal.append(&Line::Begin(header))?;
        Ok(journal)
    }

    /// Takes the place of an earlier one.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        if self.path != self.goal {
            fs::rename(&self.path, &self.goal)?;
            self.path.clone_from(&self.goal);
            self.records.files = vec![self.path.clone()];
        }
        Ok(())
    }

    /// Whether nothing is in it and there is an earlier one, which is worth more then.
    pub(crate) fn is_idle(&self) -> bool {
        self.path != self.goal && self.goal.exists()
    }

    /// Gives way to the earlier one.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }

    /// [`Journal::settle`], then [`Journal::append`].
    ///
    /// # Errors
    /// As these.
    pub(crate) fn add(&mut self, line: &Line) -> io::Result<()> {
        self.settle()?;
        self.append(line)
    }

    /// Adds a line. What was there before stays readable whatever becomes of this one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        let length = text.len() as u64;
        match line {
            Line::Image(entry) => {
                let place = Place { file: 0, offset: self.length, length };
                self.records.places[entry.index] = Some(place);
            }
            Line::End(session) => self.records.sessions.push(session.clone()),
            Line::Begin(_) => {}
        }
        self.length += length;
        Ok(())
    }

    /// Whether the file is still where it was made: not so when somebody removed the output folder.
    pub(crate) fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|known| known.len() == self.length)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn into_records(self) -> Records {
        self.records
    }
}

impl Records {
    /// Opens journals of the same images. Later lines of an image replace earlier ones; a last line
    /// that was cut is left out, as are damaged ones.
    ///
    /// # Errors
    /// When a file cannot be read, or is no journal.
    pub(crate) fn open(paths: Vec<PathBuf>) -> io::Result<(Vec<Header>, Self)> {
        let (mut records, mut headers) = (Self::default(), Vec::new());
        for (number, path) in paths.iter().enumerate() {
            let mut reader = BufReader::new(File::open(path)?);
            let (mut offset, mut line) = (0, Vec::new());
            let mut header = None;
            loop {
                line.clear();
                let length = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
                if length == 0 {
                    break;
                }
                let place = Place { file: number, offset, length };
                offset += length;
                match (serde_json::from_slice(&line), &header) {
                    (Ok(Line::Begin(begin)), _) if begin.format == FORMAT => header = Some(begin),
                    (_, None) => break,
                    (Ok(Line::Image(entry)), Some(begin)) if entry.index < begin.images => {
                        records.places.resize(begin.images.max(records.places.len()), None);
                        records.places[entry.index] = Some(place);
                    }
                    (Ok(Line::End(session)), _) => records.sessions.push(session),
                    _ => {}
                }
            }
            let no_journal = || {
                let text = format!("{} is not a journal of this version", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            };
            let header = header.ok_or_else(no_journal)?;
            records.places.resize(header.images.max(records.places.len()), None);
            headers.push(header);
        }
        records.files = paths;
        Ok((headers, records))
    }

    /// The header of one journal.
    ///
    /// # Errors
    /// When the file cannot be read, or is no journal.
    pub(crate) fn header(path: &Path) -> io::Result<Header> {
        let mut line = Vec::new();
        BufReader::new(File::open(path)?).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        match serde_json::from_slice(&line)? {
            Line::Begin(header) => Ok(header),
            Line::Image(_) | Line::End(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// How many images are done with.
    pub(crate) fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        self.places.get(index).is_some_and(Option::is_some)
    }

    /// The images in their order, read one at a time; `T` is [`Entry`], or has some of its fields.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(crate) fn entries<T: DeserializeOwned>(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<T>> + use<'_, T>> {
        let files: io::Result<Vec<_>> =
            self.files.iter().map(|path| File::open(path).map(BufReader::new)).collect();
        let mut files = files?;
        Ok(self.places.iter().flatten().map(move |place| {
            let file = &mut files[place.file];
            file.seek(SeekFrom::Start(place.offset))?;
            let mut line = Vec::new();
            file.take(place.length).read_to_end(&mut line)?;
            match serde_json::from_slice(&line)? {
                Taken { image: Some(image) } => Ok(image),
                Taken { image: None } => Err(io::ErrorKind::InvalidData.into()),
            }
        }))
    }
}

/// [`Line::Image`] with the fields that somebody wants.
#[derive(serde::Deserialize)]
struct Taken<T> {
    image: Option<T>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::record::Entry, *};
    use crate::report::ImageReport;

    fn header(images: usize) -> Header {
        let (samkit, run, list) = ("1".into(), "test".into(), "names".into());
        let (plan, shard, report) = (json!({}), None, false);
        Header { format: FORMAT, samkit, run, plan, shard, images, list, report }
    }

    fn image(index: usize, width: u32) -> Line {
        let report = ImageReport { width, ..ImageReport::new(format!("{index}.png")) };
        Line::Image(Box::new(Entry {
            index,
            id: index as u64,
            stem: index.to_string(),
            source: None,
            files: Vec::new(),
            report,
            found: Vec::new(),
            card: None,
        }))
    }

    fn widths(records: &Records) -> Vec<(usize, u32)> {
        let entries = records.entries::<Entry>().expect("readable");
        let entries = entries.map(|entry| entry.expect("whole"));
        entries.map(|entry| (entry.index, entry.report.width)).collect()
    }

    #[test]
    fn images_come_back_in_their_order_and_the_last_line_of_each_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::create(&path, header(4)).expect("begun");
        for (index, width) in [(3, 30), (1, 10), (3, 31)] {
            journal.append(&image(index, width)).expect("written");
        }
        journal.settle().expect("renamed");
        assert!(journal.is_there());
        assert_eq!(widths(&journal.into_records()), [(1, 10), (3, 31)]);
        let (headers, records) = Records::open(vec![path]).expect("a journal");
        assert_eq!((headers, widths(&records)), (vec![header(4)], vec![(1, 10), (3, 31)]));
        assert_eq!((records.count(), records.has(1), records.has(2)), (2, true, false));
    }

    #[test]
    fn a_cut_journal_has_the_images_before_the_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::create(&path, header(2)).expect("begun");
        journal.settle().expect("renamed");
        journal.append(&image(0, 5)).expect("written");
        let whole = journal.length as usize;
        journal.append(&image(1, 6)).expect("written");
        let bytes = fs::read(&path).expect("readable");
        // Without its end a line is JSON only if nothing but the newline is missing.
        for length in whole..bytes.len() - 1 {
            fs::write(&path, &bytes[..length]).expect("writable");
            let (_, records) = Records::open(vec![path.clone()]).expect("a journal");
            assert_eq!(widths(&records), [(0, 5)], "cut at {length}");
        }
        fs::write(&path, &bytes[..10]).expect("writable");
        assert!(Records::open(vec![path]).is_err(), "no header, no journal");
    }
}

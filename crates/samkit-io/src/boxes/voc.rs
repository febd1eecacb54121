//! Pascal VOC's XML files, one an image (Everingham et al. 2010).

use std::path::PathBuf;

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

use super::{
    BoxFileError,
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, size_of},
    error::{Place, quoted, shortened},
    file::Content,
    folder::Found,
    paths::{stem, tidied},
    resolve::{BoxProblem, Unit},
    text,
};

/// Reads all `files`. Pixels are taken as they are: see [`super::BoxFile::read`].
pub(crate) fn read(files: &[Found]) -> Result<Content, BoxFileError> {
    let mut classes = Classes::default();
    let entries = files.iter().map(|file| entry(file, &mut classes)).collect::<Result<_, _>>()?;
    Ok(Content {
        path: PathBuf::new(),
        unit: Unit::Pixels,
        place: PlaceKind::Line,
        entries,
        classes,
        crowd: 0,
        skipped_shapes: 0,
    })
}

fn entry(file: &Found, classes: &mut Classes) -> Result<Entry, BoxFileError> {
    let text = text::read(&file.path)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut annotation = Annotation::new(file, classes);
    let mut line = Lines { text: &text, offset: 0, line: 1 };
    loop {
        let event = reader.read_event().map_err(|error| {
            let line = text::line_of(text.as_bytes(), reader.error_position() as usize);
            let reason = shortened(&error.to_string());
            BoxFileError::Syntax { place: Place::line(&file.path, line), language: "XML", reason }
        })?;
        annotation.line = line.at(reader.buffer_position() as usize);
        match event {
            Event::Start(tag) => {
                annotation.open(&String::from_utf8_lossy(tag.local_name().as_ref()))?;
            }
            Event::End(_) => annotation.close()?,
            Event::Text(part) => annotation.text.push_str(&String::from_utf8_lossy(&part)),
            Event::CData(part) => annotation.text.push_str(&String::from_utf8_lossy(&part)),
            Event::GeneralRef(reference) => {
                let name = String::from_utf8_lossy(&reference);
                match (reference.resolve_char_ref(), resolve_predefined_entity(&name)) {
                    (Ok(Some(sign)), _) => annotation.text.push(sign),
                    (_, Some(text)) => annotation.text.push_str(text),
                    // Entities of a document type that nobody reads.
                    _ => annotation.text.push_str(&format!("&{name};")),
                }
            }
            Event::Eof => return annotation.finish(),
            _ => {}
        }
    }
}

/// Lines of growing offsets, each part of the text counted once.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        let end = offset.clamp(self.offset, self.text.len());
        let part = &self.text.as_bytes()[self.offset..end];
        self.line += part.iter().filter(|&&byte| byte == b'\n').count();
        self.offset = end;
        self.line
    }
}

/// The sides in the order of the corners.
const SIDES: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// A file as it is read.
struct Annotation<'a> {
    file: &'a Found,
    classes: &'a mut Classes,
    entry: Entry,
    /// The elements that are open, the outermost first.
    open: Vec<String>,
    has_root: bool,
    /// The text since the last tag.
    text: String,
    line: usize,
    file_name: Option<String>,
    sides: [Option<u64>; 2],
    object: Object,
}

#[derive(Default)]
struct Object {
    line: usize,
    label: String,
    has_box: bool,
    corners: [Option<f64>; 4],
}

impl<'a> Annotation<'a> {
    fn new(file: &'a Found, classes: &'a mut Classes) -> Self {
        let (name, path) = (file.relative.clone(), Some(file.path.clone()));
        Self {
            file,
            classes,
            entry: Entry { name, file: path, ..Entry::default() },
            open: Vec::new(),
            has_root: false,
            text: String::new(),
            line: 1,
            file_name: None,
            sides: [None; 2],
            object: Object::default(),
        }
    }

    fn error(&self, found: impl Into<String>, expected: &str) -> BoxFileError {
        BoxFileError::content(Place::line(&self.file.path, self.line), found, expected)
    }

    fn open(&mut self, name: &str) -> Result<(), BoxFileError> {
        if self.open.is_empty() {
            self.has_root = true;
            if name != "annotation" {
                let found = format!("the element <{}>", shortened(name));
                return Err(self.error(found, "<annotation>, as VOC's files begin"));
            }
        }
        self.text.clear();
        self.open.push(name.to_owned());
        match self.path().as_slice() {
            ["annotation", "object"] => {
                self.object = Object { line: self.line, ..Object::default() };
            }
            ["annotation", "object", "bndbox"] => self.object.has_box = true,
            _ => {}
        }
        Ok(())
    }

    /// The open elements, where they can mean something.
    fn path(&self) -> Vec<&str> {
        // Deeper is only what nobody reads, such as the boxes of an object's parts.
        let depth = if self.open.len() > 4 { 0 } else { self.open.len() };
        self.open[..depth].iter().map(String::as_str).collect()
    }

    fn close(&mut self) -> Result<(), BoxFileError> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match self.path().as_slice() {
            ["annotation", "filename"] => self.file_name = Some(text.to_owned()),
            ["annotation", "size", "width"] => self.sides[0] = Some(self.side(text)?),
            ["annotation", "size", "height"] => self.sides[1] = Some(self.side(text)?),
            ["annotation", "object", "name"] => self.object.label = text.to_owned(),
            ["annotation", "object", "bndbox", side] => {
                if let Some(place) = SIDES.iter().position(|name| name == side) {
                    let number = text.parse().map_err(|_| {
                        let expected = format!("a number as <{}>", SIDES[place]);
                        self.error(quoted(text), &expected)
                    })?;
                    self.object.corners[place] = Some(number);
                }
            }
            ["annotation", "object"] => self.add()?,
            _ => {}
        }
        self.open.pop();
        Ok(())
    }

    fn side(&self, text: &str) -> Result<u64, BoxFileError> {
        let number: Option<f64> = text.parse().ok();
        let number = number.filter(|number| (0.0..1e9).contains(number));
        number.map(|number| number as u64).ok_or_else(|| {
            self.error(quoted(text), "a number of pixels as <width> and <height> of the image")
        })
    }

    /// Adds the object that ends here.
    fn add(&mut self) -> Result<(), BoxFileError> {
        let object = std::mem::take(&mut self.object);
        let line = object.line as u64;
        if !object.has_box {
            self.entry.keep_out(line, BoxProblem::Missing);
            return Ok(());
        }
        let mut corners = [0.0; 4];
        for (place, corner) in object.corners.into_iter().enumerate() {
            corners[place] = corner.ok_or_else(|| {
                let expected = "<xmin>, <ymin>, <xmax> and <ymax> in <bndbox>";
                self.error(format!("no <{}> of the object", SIDES[place]), expected)
            })?;
        }
        let class = self.classes.of_label(&object.label);
        self.entry.add(corners, None, class, line);
        Ok(())
    }

    fn finish(mut self) -> Result<Entry, BoxFileError> {
        if let Some(open) = self.open.last() {
            let reason = format!("it ends within <{}>", shortened(open));
            let place = Place::line(&self.file.path, self.line);
            return Err(BoxFileError::Syntax { place, language: "XML", reason });
        }
        if !self.has_root {
            return Err(self.error("no element", "<annotation>, as VOC's files begin"));
        }
        let own = ImageKey::Stem(stem(&self.file.relative).to_owned());
        let named = self.file_name.filter(|name| !name.is_empty());
        let named = named.map(|name| ImageKey::File(tidied(&name)));
        self.entry.keys = std::iter::once(own).chain(named).collect();
        self.entry.size = size_of(self.sides[0], self.sides[1]);
        Ok(self.entry)
    }
}

//! From a path to the line that people see.

use crate::{
    Invalid, Path, Position, Problem, Recipe, RecipeError, Source, Spot, locate,
    node::{Fault, Faults},
};

impl Recipe {
    /// An error at `path`, for what is found wrong after parsing. Where the place itself is not in
    /// the text, the nearest section around it is shown.
    pub fn fault(&self, path: &Path, spot: Spot, problem: Problem) -> RecipeError {
        self.show(Fault { path: path.clone(), spot, problem })
    }

    /// An error at entry number `index` of [`Recipe::input`], such as one that matches no file.
    pub fn input_fault(&self, index: usize, message: &str, help: &str) -> RecipeError {
        let input = Path::root().key("input");
        let place = self.input_places.get(index).unwrap_or(&input);
        let problem = Problem::Other { message: message.to_owned(), help: help.to_owned() };
        self.fault(place, Spot::Value, problem)
    }

    /// An error at parameter `name` of step number `step`, found after decoding.
    pub fn param_fault(&self, step: usize, name: &str, found: &str, expected: &str) -> RecipeError {
        let problem =
            Problem::Value { name: name.into(), found: found.into(), expected: expected.into() };
        let path = self.steps[step].places.step.key("params").key(name);
        self.fault(&path, Spot::Value, problem)
    }

    pub(crate) fn show(&self, fault: Fault) -> RecipeError {
        self.place(fault).1.into()
    }

    /// All of `faults`, in the order of the texts.
    pub(crate) fn show_all(&self, faults: Faults) -> Result<(), RecipeError> {
        let (faults, more) = faults.into_parts();
        let mut placed: Vec<_> = faults.into_iter().map(|fault| self.place(fault)).collect();
        placed.sort_by_key(|(order, _)| *order);
        let errors = placed.into_iter().map(|(_, invalid)| invalid.into()).collect();
        RecipeError::several(errors, more)
    }

    /// The error, and what to sort it by: the number of its text and its place in there.
    fn place(&self, fault: Fault) -> ((usize, usize), Invalid) {
        let Fault { path, spot, problem } = fault;
        let change = self.overrides.iter().rposition(|change| path.starts_with(&change.path));
        if let Some(number) = change {
            let change = &self.overrides[number];
            let given = Source::new("--set", change.given());
            let position = change.position(&path, spot);
            let order = (self.sources.len() + number, position.offset);
            return (order, Invalid::new(&given, position, problem));
        }
        let mut place = Some((path, spot));
        while let Some((path, spot)) = place {
            let (number, there) = self.document.origin(&path);
            let source = &self.sources[number];
            if let Some(position) = locate(source.text(), &there, spot) {
                return ((number, position.offset), Invalid::new(source, position, problem));
            }
            place = path.parent().map(|parent| (parent, Spot::Key));
        }
        let source = self.source();
        ((0, 0), Invalid::new(source, Position::at(source.text(), 0), problem))
    }
}

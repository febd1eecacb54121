//! Which step takes what from which other.

use std::collections::HashMap;

use crate::{
    InputInfo, Kind, Link, LinkProblem, OutputInfo, Problem, Recipe, Spot, nearest,
    node::{Fault, Faults},
    plan::Known,
};

/// The links of each step. Unless the recipe is `whole`, nothing is said of steps that seem to be
/// missing.
pub(crate) fn resolve(
    recipe: &Recipe,
    steps: &[Known<'_>],
    whole: bool,
    faults: &mut Faults,
) -> Vec<Vec<Link>> {
    let numbers: HashMap<_, _> =
        recipe.steps.iter().enumerate().map(|(number, step)| (step.id.as_str(), number)).collect();
    let linker = Linker { recipe, steps, numbers, whole };
    (0..steps.len()).map(|taker| linker.links(taker, faults)).collect()
}

struct Linker<'a> {
    recipe: &'a Recipe,
    steps: &'a [Known<'a>],
    /// Places in the recipe's list of steps.
    numbers: HashMap<&'a str, usize>,
    whole: bool,
}

impl Linker<'_> {
    fn links(&self, taker: usize, faults: &mut Faults) -> Vec<Link> {
        let Known { step, task, path } = &self.steps[taker];
        let place = path.key("inputs");
        let mut links = Vec::new();
        let mut misspelt = Vec::new();
        for (name, giver) in &step.inputs {
            if faults.overflow() {
                break;
            }
            let path = place.key(name);
            let Some(input) = task.inputs.iter().find(|input| input.name == *name) else {
                misspelt.extend(nearest(name, task.inputs.iter().map(|input| &*input.name)));
                let allowed = task.inputs.iter().map(|input| input.name.clone()).collect();
                let problem = Problem::UnknownName { what: "input", name: name.clone(), allowed };
                faults.add(Fault { path, spot: Spot::Key, problem });
                continue;
            };
            match self.link(taker, input, giver) {
                Ok(link) => links.extend(link),
                Err(problem) => faults.add(Fault { path, spot: Spot::Value, problem }),
            }
        }
        let lacks = |input: &&InputInfo| {
            let is_given = step.inputs.contains_key(&input.name);
            input.required
                && input.kind != Kind::Image
                && !is_given
                && !misspelt.contains(&input.name.as_str())
        };
        for input in task.inputs.iter().filter(lacks) {
            let problem = LinkProblem::MissingInput {
                task: task.name.clone(),
                input: input.name.clone(),
                kind: input.kind,
                givers: self.givers(taker, input.kind),
            };
            // A place for each input, so that one does not hide the other.
            let path = place.key(&input.name);
            faults.add(Fault { path, spot: Spot::Value, problem: problem.into() });
        }
        links
    }

    /// `None` where the giving step is not understood, which has been said already.
    fn link(&self, taker: usize, input: &InputInfo, giver: &str) -> Result<Option<Link>, Problem> {
        let (id, output) = match giver.split_once('.') {
            Some((id, output)) => (id, Some(output)),
            None => (giver, None),
        };
        let taking = self.steps[taker].step;
        if id == taking.id {
            return Err(LinkProblem::Itself(id.to_owned()).into());
        }
        let Some(&number) = self.numbers.get(id) else {
            if !self.whole {
                return Ok(None);
            }
            let allowed = self.before(taking.id.as_str());
            return Err(Problem::UnknownName { what: "step", name: id.to_owned(), allowed });
        };
        let own = self.numbers[taking.id.as_str()];
        if number > own {
            return Err(match self.circle(own, number) {
                Some(circle) => LinkProblem::Circle(circle).into(),
                None => {
                    LinkProblem::Later { giver: id.to_owned(), taker: taking.id.clone() }.into()
                }
            });
        }
        let Some(step) = self.steps.iter().position(|known| known.step.id == id) else {
            return Ok(None);
        };
        let outputs = &self.steps[step].task.outputs;
        let output = choose(input, id, outputs, output)?;
        Ok(Some(Link {
            input: input.name.clone(),
            step,
            output: output.name.clone(),
            kind: output.kind,
        }))
    }

    /// Ids of the steps above this one.
    fn before(&self, id: &str) -> Vec<String> {
        let above = self.recipe.steps.iter().take_while(|step| step.id != id);
        above.map(|step| step.id.clone()).collect()
    }

    /// What could be taken from the steps above, the nearest first.
    fn givers(&self, taker: usize, kind: Kind) -> Vec<String> {
        let of_step = |known: &Known<'_>| -> Vec<String> {
            let id = &known.step.id;
            let fitting: Vec<_> =
                known.task.outputs.iter().filter(|out| out.kind == kind).collect();
            match fitting.as_slice() {
                [_] => vec![id.clone()],
                several => several.iter().map(|output| format!("{id}.{}", output.name)).collect(),
            }
        };
        self.steps[..taker].iter().rev().flat_map(of_step).collect()
    }

    /// The circle in which step `taker` takes from `giver` and `giver`, through others, from `taker`,
    /// where there is one.
    fn circle(&self, taker: usize, giver: usize) -> Option<Vec<String>> {
        let steps = &self.recipe.steps;
        let mut taken_by = vec![None; steps.len()];
        taken_by[giver] = Some(taker);
        let mut open = vec![giver];
        while let Some(number) = open.pop() {
            for name in steps[number].inputs.values() {
                let id = name.split('.').next().unwrap_or_default();
                match self.numbers.get(id) {
                    Some(&next) if next == taker => {
                        let mut circle = vec![taker, number];
                        while circle.last() != Some(&taker) {
                            circle.extend(taken_by[circle[circle.len() - 1]]);
                        }
                        circle.reverse();
                        return Some(circle.iter().map(|&step| steps[step].id.clone()).collect());
                    }
                    Some(&next) if taken_by[next].is_none() => {
                        taken_by[next] = Some(number);
                        open.push(next);
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

/// The result of step `id` that `input` takes.
fn choose<'o>(
    input: &InputInfo,
    id: &str,
    outputs: &'o [OutputInfo],
    name: Option<&str>,
) -> Result<&'o OutputInfo, Problem> {
    let wrong = |gives: Vec<Kind>| {
        let (input, wants, step) = (input.name.clone(), input.kind, id.to_owned());
        LinkProblem::WrongKind { input, wants, step, gives }
    };
    if let Some(name) = name {
        let Some(output) = outputs.iter().find(|output| output.name == name) else {
            let allowed = outputs.iter().map(|output| output.name.clone()).collect();
            return Err(Problem::UnknownName { what: "result", name: name.to_owned(), allowed });
        };
        return match output.kind == input.kind {
            true => Ok(output),
            false => Err(wrong(vec![output.kind]).into()),
        };
    }
    let fitting: Vec<_> = outputs.iter().filter(|output| output.kind == input.kind).collect();
    match fitting.as_slice() {
        [] => Err(wrong(outputs.iter().map(|output| output.kind).collect()).into()),
        [only] => Ok(only),
        several => Err(LinkProblem::Ambiguous {
            step: id.to_owned(),
            kind: input.kind,
            outputs: several.iter().map(|output| output.name.clone()).collect(),
        }
        .into()),
    }
}

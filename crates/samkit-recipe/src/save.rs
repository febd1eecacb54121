//! What each step writes, and that no two write the same file.

use std::collections::HashMap;

use crate::{
    LinkProblem, Path, PlannedFile, Problem, ProductInfo, Spot,
    node::{Fault, Faults},
    plan::Known,
};

/// The files of each step.
pub(crate) fn resolve(steps: &[Known<'_>], faults: &mut Faults) -> Vec<Vec<PlannedFile>> {
    let products: Vec<_> = steps.iter().map(|known| products(known, faults)).collect();
    let writers = products.iter().filter(|products| !products.is_empty()).count();
    let mut writer_of = HashMap::new();
    let mut files = Vec::new();
    for (known, products) in steps.iter().zip(products) {
        let folder = if writers > 1 { known.step.id.as_str() } else { "" };
        let mut own = Vec::new();
        for (path, product) in products {
            let file = PlannedFile {
                product: product.name.clone(),
                folder: folder.to_owned(),
                suffix: product.suffix.clone(),
            };
            // Many file systems take `Edges` and `edges` for one.
            let name = format!("{}/{}", file.folder, file.suffix).to_lowercase();
            let writer = (&known.step.id, &product.name);
            if let Some((step, other)) = writer_of.insert(name, writer) {
                let problem = LinkProblem::SameFile {
                    file: match folder {
                        "" => format!("NAME.{}", file.suffix),
                        folder => format!("{folder}/NAME.{}", file.suffix),
                    },
                    step: known.step.id.clone(),
                    product: product.name.clone(),
                    other_step: step.clone(),
                    other_product: other.clone(),
                };
                faults.add(Fault { path, spot: Spot::Value, problem: problem.into() });
            }
            own.push(file);
        }
        files.push(own);
    }
    files
}

/// The products that a step writes, each with the place that says so.
fn products<'t>(known: &Known<'t>, faults: &mut Faults) -> Vec<(Path, &'t ProductInfo)> {
    let Known { step, task, .. } = known;
    let given = |name: &str| step.params.get(name).is_some_and(|value| !value.is_null());
    let is_possible = |product: &ProductInfo| product.needs.as_deref().is_none_or(given);
    let Some(names) = &step.save else {
        let defaults = task.products.iter().filter(|product| product.default);
        let place = &step.places.id;
        return defaults
            .filter(|product| is_possible(product))
            .map(|product| (place.clone(), product))
            .collect();
    };
    let mut products: Vec<(Path, &ProductInfo)> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let place = step.places.save[number].clone();
        let mut refuse =
            |path: Path, problem| faults.add(Fault { path, spot: Spot::Value, problem });
        let Some(product) = task.products.iter().find(|product| product.name == *name) else {
            let allowed = task.products.iter().map(|product| product.name.clone()).collect();
            refuse(place, Problem::UnknownName { what: "result", name: name.clone(), allowed });
            continue;
        };
        if products.iter().any(|(_, other)| other.name == product.name) {
            refuse(place, LinkProblem::SavedTwice(name.clone()).into());
            continue;
        }
        if let Some(needs) = product.needs.clone().filter(|_| !is_possible(product)) {
            refuse(place, LinkProblem::NeedsParameter { product: name.clone(), needs }.into());
            continue;
        }
        products.push((place, product));
    }
    products
}

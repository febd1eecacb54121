//! Recipes that nobody wrote: nothing of them may make the parser panic, or point outside of the
//! text. `examples/fuzz_recipe.rs` does the same for as long as one likes.

mod common;
#[path = "common/fuzz.rs"]
mod fuzz;

use std::path::Path;

use proptest::{collection::vec, prelude::*};
use samkit_recipe::{Override, Path as RecipePath, Position, Recipe, Source, Spot, Value, locate};

#[test]
fn spoilt_recipes_are_refused_or_planned() {
    let corpus = fuzz::corpus(Path::new("tests"));
    let catalogue = common::catalogue();
    let mut random = fuzz::Random::new(7);
    for _ in 0..3000 {
        fuzz::exercise(&fuzz::mutate(&corpus, &mut random), &catalogue);
    }
}

/// Values as recipes have them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Sequence),
            vec(("[a-zé字]{1,6}", inner), 0..5).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (Value::from(key), value));
                Value::Mapping(entries.collect())
            }),
        ]
    })
}

/// Every path in `value`, with what stands there.
fn paths(value: &Value, path: &RecipePath, all: &mut Vec<(RecipePath, Value)>) {
    all.push((path.clone(), value.clone()));
    match value {
        Value::Sequence(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                paths(entry, &path.index(index), all);
            }
        }
        Value::Mapping(entries) => {
            for (key, entry) in entries {
                paths(entry, &path.key(key.as_str().unwrap()), all);
            }
        }
        _ => {}
    }
}

fn at(text: &str, position: Position) -> &str {
    &text[position.offset..][..position.length]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all_are_refused(bytes in vec(any::<u8>(), 0..400)) {
        fuzz::exercise(&bytes, &common::catalogue());
    }

    #[test]
    fn any_text_at_all_is_refused(text in "[-?:,\\[\\]{}#&*!|>'\"%@`a\\n\\t ${}\\PC]{0,200}") {
        fuzz::exercise(text.as_bytes(), &common::catalogue());
    }

    /// What is written out is found again where `locate` says: each key by its name, each whole
    /// number by its digits.
    #[test]
    fn every_value_is_found_where_it_stands(value in values()) {
        let text = serde_yaml::to_string(&value).unwrap();
        let mut all = Vec::new();
        paths(&value, &RecipePath::root(), &mut all);
        for (path, value) in all {
            let position = locate(&text, &path, Spot::Value);
            prop_assert!(position.is_some(), "{path} is not found in\n{text}");
            if let Some(number) = value.as_i64() {
                prop_assert_eq!(at(&text, position.unwrap()), number.to_string());
            }
            if let Some(samkit_recipe::Segment::Key(key)) = path.segments().last() {
                let position = locate(&text, &path, Spot::Key).expect("the key is there");
                prop_assert_eq!(at(&text, position).trim_matches(['"', '\'']), key);
            }
        }
    }

    /// Parameters come through the text unchanged, and `--set` puts them where it says.
    #[test]
    fn parameters_come_through_unchanged(params in values()) {
        let params = Value::Mapping([(Value::from("value"), params)].into_iter().collect());
        let document: Value = [
            (Value::from("version"), Value::from(1)),
            (Value::from("steps"), Value::Sequence(vec![Value::Mapping(
                [
                    (Value::from("task"), Value::from("any")),
                    (Value::from("params"), params.clone()),
                ].into_iter().collect(),
            )])),
        ].into_iter().collect::<serde_yaml::Mapping>().into();
        let escape = |text: String| text.replace("${", "$${");
        let text = escape(serde_yaml::to_string(&document).unwrap());
        let recipe = Recipe::parse(Source::new("r.yaml", text), &[]).unwrap();
        prop_assert_eq!(&recipe.steps[0].params, &params);

        let json = escape(serde_json::to_string(&params).unwrap());
        let change: Override = format!("steps.any.params={json}").parse().unwrap();
        let smallest = Source::new("r.yaml", "version: 1\nsteps: [{ task: any }]\n");
        let recipe = Recipe::parse(smallest, &[change]).unwrap();
        prop_assert_eq!(&recipe.steps[0].params, &params);
    }
}

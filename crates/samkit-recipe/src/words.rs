//! Lists and numbers as people write them.

/// `` `name` ``
pub(crate) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// `` `a`, `b`, `c` ``, or the first of them where they are very many
pub(crate) fn all_of<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 30;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quoted(name.as_ref())).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `a, b or c`
pub(crate) fn one_of(choices: &[String]) -> String {
    match choices {
        [] => "nothing".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

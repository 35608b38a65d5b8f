//! Which word somebody meant who mistyped it.

/// Words longer than this are not compared: nobody types one by mistake.
const MAX_LETTERS: usize = 40;

/// Of `words`, the one that was probably meant by `typed`: the first that it begins, or else the
/// nearest of those at most two slips away: a letter more, less, another, or two the wrong way round.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = typed.chars().count();
    if letters == 0 || letters > MAX_LETTERS {
        return None;
    }
    let words: Vec<&str> = words.into_iter().collect();
    if let Some(begun) = words.iter().find(|word| word.starts_with(typed)) {
        return Some(begun);
    }
    let slips = if letters > 3 { 2 } else { 1 };
    words
        .into_iter()
        .filter(|word| word.len() > 1)
        .map(|word| (strsim::osa_distance(typed, word), word))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_or_two_slips_are_understood() {
        let words = ["message", "send", "search", "s"];
        for (typed, meant) in [
            ("mes", Some("message")),
            ("sned", Some("send")),
            ("serach", Some("search")),
            ("saerhc", Some("search")),
            ("x", None),
            ("", None),
            ("nothing", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }
}

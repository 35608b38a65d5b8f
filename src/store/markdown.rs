//! What a stranger wrote, in Markdown that does nothing but be read.
//!
//! Only that is escaped which Markdown would take for something else where it stands, so that the text can
//! be read without a program for it, too. (CommonMark 0.31, and the tables and struck-out text of GitHub's.)

/// The text, behind something else in its first line.
pub(super) fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len() + text.len() / 16);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            inert.push('\n');
        }
        push(&mut inert, line, if number > 0 { first(line) } else { None });
    }
    inert
}

/// Where in a line is what would make a heading, a list, a quotation, a rule or a table of it.
fn first(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start_matches(' ').len();
    let rest = &line[start..];
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(' ');
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_rule = |c: char| "-=|: *_".contains(c);
    match rest.chars().next()? {
        '>' => Some(start),
        '#' if ends(rest.trim_start_matches('#')) => Some(start),
        '-' | '+' if ends(&rest[1..]) => Some(start),
        '-' | '=' | '|' | ':' if rest.chars().all(is_rule) => Some(start),
        '0'..='9' if rest[digits..].starts_with(['.', ')']) && ends(&rest[digits + 1..]) => {
            Some(start + digits)
        }
        _ => None,
    }
}

fn push(inert: &mut String, line: &str, first: Option<usize>) {
    let mut before = None;
    let mut rest = line.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let after = rest.peek().map(|(_, c)| *c);
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let taken = match c {
            '`' | '[' | '~' => true,
            '*' => before.is_none() || !(space(before) && space(after)),
            '_' => !(letter(before) && letter(after)),
            '<' => letter(after) || matches!(after, Some('/' | '!' | '?')),
            '&' => letter(after) || after == Some('#'),
            // At the end of a line it would break it.
            '\\' => after.is_none_or(|c| c.is_ascii_punctuation()),
            _ => false,
        };
        if taken || first == Some(at) {
            inert.push('\\');
        }
        inert.push(c);
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_markdown_would_take_is_escaped() {
        for same in [
            "a plain text, with (all) its marks: 3.14 - 2 = 1.14! Isn't it? 2 * 3 > 5 | done",
            "see https://example.org/a_b/c-d?e=f#g or C:\\Users\\爱丽丝",
            "#tea at 12:00; a < b && c > d",
            "first\nsecond. third\n#tea\n-1\n1.5 cups\n=> so",
        ] {
            assert_eq!(inert(same), same);
        }
        for (text, written) in [
            ("*bold* and _slanted_ `code`", "\\*bold\\* and \\_slanted\\_ \\`code\\`"),
            ("[a](javascript:x) ![b](c)", "\\[a](javascript:x) !\\[b](c)"),
            ("<b>&lt;</b> <!-- x", "\\<b>\\&lt;\\</b> \\<!-- x"),
            ("~~gone~~ \\* \\", "\\~\\~gone\\~\\~ \\\\\\* \\\\"),
            ("a\n# b\n> c\n- d\n+ e\n* f", "a\n\\# b\n\\> c\n\\- d\n\\+ e\n\\* f"),
            ("a\n1. b\n12) c\n  3.", "a\n1\\. b\n12\\) c\n  3\\."),
            ("a\n---\nb\n===\na|b\n-|-\n***", "a\n\\---\nb\n\\===\na|b\n\\-|-\n\\*\\*\\*"),
            ("a\n```\n~~~", "a\n\\`\\`\\`\n\\~\\~\\~"),
        ] {
            assert_eq!(inert(text), written);
        }
    }
}

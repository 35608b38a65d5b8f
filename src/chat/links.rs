//! The addresses in what somebody says that lead to a page of the web.
//!
//! `http` and `https` alone, and in ASCII alone, for letters of other scripts that look like Latin ones
//! lead elsewhere.

use std::ops::Range;

use linkify::{LinkFinder, LinkKind};

/// The longest address that becomes a link. Terminals cut or drop longer ones (VTE at 2083).
const MAX_ADDRESS: usize = 2_000;

/// The addresses in `text`, as bytes of it, in order.
#[must_use]
pub fn addresses(text: &str) -> Vec<Range<usize>> {
    // Most lines have none, and this is asked for each line of each frame.
    if !text.contains("://") {
        return Vec::new();
    }
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_can_be_iri(false);
    let links = finder.links(text).filter(|link| {
        let scheme = link.as_str().split("://").next().unwrap_or_default();
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let plain = link.as_str().bytes().all(|byte| byte.is_ascii_graphic());
        // What goes on behind it in another script would be a part of it elsewhere.
        let whole = text[link.end()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        web && plain && whole && link.as_str().len() <= MAX_ADDRESS
    });
    links.map(|link| link.start()..link.end()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        addresses(text).into_iter().map(|bytes| &text[bytes]).collect()
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(
            found("see https://example.org/a?b=c#d, or (http://example.org)."),
            ["https://example.org/a?b=c#d", "http://example.org"]
        );
        assert_eq!(found("看https://example.org/你好"), Vec::<&str>::new());
        assert_eq!(found("看 https://example.org。好"), ["https://example.org"]);
        for text in [
            "javascript://x",
            "file:///etc/passwd",
            "ftp://example.org",
            "example.org",
            "https://exаmple.org",
            "mailto:a@example.org",
            "://",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
        let long = format!("https://example.org/{}", "a".repeat(MAX_ADDRESS));
        assert_eq!(found(&long), Vec::<&str>::new());
    }
}

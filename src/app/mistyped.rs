//! A command line that means nothing, told in a language that the parser does not speak.

use std::error::Error as _;
use std::net::AddrParseError;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use p2pchat_wire::identity::{InvalidKey, InvalidName};

use super::failure::as_it_is;
use super::mistakes::no_address;
use crate::chat::invitation::InvalidLink;
use crate::config::{InvalidAddress, InvalidTime};
use crate::ui::language::{Language, Phrase};
use crate::ui::words::no_name;

/// What is wrong with the command line, what was probably meant, and how it is written. `None` if the
/// parser says so itself: in English, or where it has no more than the help, which is translated.
#[must_use]
pub fn mistyped(error: &clap::Error, language: &Language) -> Option<String> {
    language.own("typed-help")?;
    let mut lines = vec![language.say("typed", &[("what", &what(error)?.said_in(language))])];
    let suggested =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    if let Some(meant) = suggested.iter().find_map(|kind| texts(error, *kind).pop()) {
        lines.push(language.say("typed-meant", &[("meant", &meant)]));
    }
    let valid = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    if let Some(words) = valid.iter().map(|kind| texts(error, *kind)).find(|one| !one.is_empty()) {
        lines.push(language.say("typed-values", &[("values", &words.join(", "))]));
    }
    if let Some(usage) = texts(error, ContextKind::Usage).pop() {
        let usage = usage.trim_start_matches("Usage:").trim_start().to_owned();
        lines.extend([String::new(), format!("{}{usage}", language.text("help-usage"))]);
    }
    lines.extend([String::new(), language.text("typed-help"), String::new()]);
    Some(lines.join("\n"))
}

fn what(error: &clap::Error) -> Option<Phrase> {
    let of = |kind| texts(error, kind).into_iter().next();
    let (arg, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let prior = texts(error, ContextKind::PriorArg);
    Some(match error.kind() {
        ErrorKind::UnknownArgument => Phrase::new("typed-unknown").with("arg", arg?),
        ErrorKind::InvalidSubcommand => {
            Phrase::new("typed-no-command").with("command", of(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::MissingSubcommand => Phrase::new("typed-command-missing")
            .with("command", of(ContextKind::InvalidSubcommand)?),
        ErrorKind::MissingRequiredArgument => Phrase::new("typed-missing")
            .with("args", texts(error, ContextKind::InvalidArg).join(", ")),
        ErrorKind::ArgumentConflict if prior.is_empty() || prior.first() == arg.as_ref() => {
            Phrase::new("typed-twice").with("arg", arg?)
        }
        ErrorKind::ArgumentConflict => {
            Phrase::new("typed-conflict").with("arg", arg?).with("other", prior.join(", "))
        }
        ErrorKind::InvalidValue if value.as_ref().is_none_or(String::is_empty) => {
            Phrase::new("typed-value-missing").with("arg", arg?)
        }
        ErrorKind::TooManyValues => {
            Phrase::new("typed-value-unwanted").with("arg", arg?).with("value", value?)
        }
        ErrorKind::InvalidValue => {
            Phrase::new("typed-value").with("arg", arg?).with("value", value?)
        }
        ErrorKind::ValueValidation => Phrase::new("typed-value-because")
            .with("arg", arg?)
            .with("value", value?)
            .holding("why", why(error)),
        // What none of our options can come to, and what is no mistake.
        _ => return None,
    })
}

/// Why a value is none, in the middle of a sentence.
fn why(error: &clap::Error) -> Phrase {
    let Some(source) = error.source() else { return Phrase::new("typed-no-reason") };
    if let Some(why) = source.downcast_ref::<InvalidName>() {
        return no_name(why);
    }
    if let Some(why) = source.downcast_ref::<InvalidAddress>() {
        return no_address(why);
    }
    match source.downcast_ref::<InvalidLink>() {
        Some(InvalidLink::Shape) => return Phrase::new("typed-no-link"),
        Some(InvalidLink::Name(why)) => return no_name(why),
        Some(InvalidLink::Key(InvalidKey)) => return Phrase::new("typed-no-key"),
        None => {}
    }
    if source.is::<InvalidTime>() {
        Phrase::new("typed-no-time")
    } else if source.is::<ParseIntError>() {
        Phrase::new("typed-no-number")
    } else if source.is::<AddrParseError>() {
        Phrase::new("typed-no-socket")
    } else {
        as_it_is(source)
    }
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(several)) => several.clone(),
        Some(ContextValue::StyledStr(one)) => vec![one.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, help};
    use crate::ui::language::Tongue;

    fn told(line: &str, tongue: Tongue) -> Option<String> {
        let language = Language::new(tongue);
        let command = help::in_language(Cli::command(), &language);
        let words = std::iter::once("p2pchat").chain(line.split(' ').filter(|one| !one.is_empty()));
        let error = command.try_get_matches_from(words).expect_err(line);
        mistyped(&error, &language)
    }

    #[test]
    fn a_command_line_that_means_nothing_is_told_in_chinese() {
        for (line, what) in [
            ("--pier x", "没有 --pier 这个选项或参数"),
            ("--pier x", "是 --peer 吗？"),
            ("sned", "没有 sned 这个命令"),
            ("sned", "是 send 吗？"),
            ("send", "缺少 --to <NAME[@HOST[:PORT][#KEY]]>"),
            ("ask", "缺少 <NAME[@HOST[:PORT][#KEY]]>, <QUESTION>..."),
            ("send", "用法：p2pchat send "),
            ("--visible --relay-only", "--visible 不能与 --relay-only 同时使用"),
            ("--json --json", "--json 只能用一次"),
            ("--peer", "--peer <NAME@HOST[:PORT][#KEY]> 之后缺少值"),
            ("--plain=3", "--plain 不接受值，而这里有 3"),
            (
                "--strangers no",
                "no 不能用作 --strangers <WHAT> 的值\n可选值：request, accept, refuse",
            ),
            ("--name a?b", "a?b 不能用作 --name <NAME> 的值：名字由"),
            ("--rendezvous a?b", "的值：主机名里不能有 '?'"),
            ("--rendezvous h:0", "的值：端口是 1 到 65535 的数字"),
            ("--timeout soon", "的值：时间写作 30s、500ms 或 2m"),
            ("history -n many", "的值：应为数字"),
            ("--bind here", "的值：应为地址，例如 0.0.0.0:40000"),
            ("accept here", "的值：链接的样子是 p2pchat:NAME@HOST#KEY?key=KEY"),
            ("accept p2pchat:a@b:0?key=c", "的值：公钥有 52 个字母和数字（a-z、2-7）"),
        ] {
            let told = told(line, Tongue::Zh).unwrap_or_default();
            assert!(told.contains(what), "{line}: {told}");
            assert!(told.ends_with("\n\n详细说明：p2pchat --help\n"), "{line}: {told}");
        }
    }

    #[test]
    fn what_the_parser_says_itself_is_left_to_it() {
        for (line, tongue) in [("--pier x", Tongue::En), ("--help", Tongue::Zh)] {
            assert_eq!(told(line, tongue), None, "{line}");
        }
    }
}

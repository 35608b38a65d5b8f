//! The help in another language than that of the source text.
//!
//! English stands in the definition of the options, where the parser, the manual page and the
//! completions take it from. Other languages lay theirs over it: `cli` is what the program is,
//! `cli-send` what the command `send` does, `cli-send--to` its option `--to`; options that every
//! command has are those of the program, as `cli--lang`.

use std::ffi::OsString;

use clap::builder::PossibleValue;
use clap::{Arg, Command, ValueEnum};

use crate::ui::language::{Language, Tongue};

/// The language that is asked for on the command line, or by a variable of the environment: `--help`
/// ends the program before the options are read.
#[must_use]
pub fn tongue_asked_for(
    arguments: impl IntoIterator<Item = OsString>,
    variable: Option<&str>,
) -> Option<Tongue> {
    let read = |text: &str| Tongue::from_str(text, true).ok();
    let mut arguments = arguments.into_iter().skip(1);
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--") => break,
            Some("--lang") => {
                let value = arguments.next();
                asked = value.as_deref().and_then(|value| read(value.to_str()?)).or(asked);
            }
            Some(argument) => {
                asked = argument.strip_prefix("--lang=").and_then(read).or(asked);
            }
            None => {}
        }
    }
    asked.or_else(|| variable.and_then(read))
}

/// The definition of the options with the help in `language`.
#[must_use]
pub fn in_language(mut command: Command, language: &Language) -> Command {
    if language.own("cli").is_none() {
        return command;
    }
    // Only now has it what the parser adds by itself: --help, and options of every command.
    command.build();
    let after = language.own("help-after").unwrap_or_default();
    translated(command, "cli", language).after_help(after)
}

/// What stands above the parts of a help. The parser takes no other text than one that is part of the
/// program.
struct Headings {
    commands: &'static str,
    arguments: &'static str,
    options: &'static str,
}

fn headings(tongue: Tongue) -> Headings {
    match tongue {
        Tongue::En => Headings { commands: "Commands", arguments: "Arguments", options: "Options" },
        Tongue::Zh => Headings { commands: "命令", arguments: "参数", options: "选项" },
    }
}

fn translated(command: Command, path: &str, language: &Language) -> Command {
    let usage = language.own("help-usage").unwrap_or_default();
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{usage}{{usage}}\n\n{{all-args}}{{after-help}}"
    );
    let mut command = command
        .help_template(template)
        .subcommand_help_heading(headings(language.tongue()).commands)
        .mut_args(|arg| argument(arg, path, language));
    if let Some(about) = language.own(path) {
        command = command.about(about.clone()).long_about(about);
    }
    if let Some(after) = language.own(&format!("{path}-after")) {
        command = command.after_help(after);
    }
    command.mut_subcommands(|sub| {
        let path = format!("{path}-{}", sub.get_name());
        translated(sub, &path, language)
    })
}

fn argument(arg: Arg, path: &str, language: &Language) -> Arg {
    let name = arg.get_id().as_str().replace('_', "-");
    let own = language.own(&format!("{path}--{name}"));
    let Some(mut help) = own.or_else(|| language.own(&format!("cli--{name}"))) else { return arg };
    let mut notes = Vec::new();
    if let Some(variable) = arg.get_env() {
        notes.push(language.say("help-env", &[("name", &variable.to_string_lossy())]));
    }
    if arg.get_action().takes_values() {
        let defaults: Vec<_> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !defaults.is_empty() {
            notes.push(language.say("help-default", &[("value", &defaults.join(" "))]));
        }
        let values = arg.get_possible_values();
        let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        if !names.is_empty() {
            notes.push(language.say("help-values", &[("values", &names.join(", "))]));
        }
    }
    for note in notes {
        help.push(' ');
        help.push_str(&note);
    }
    let headings = headings(language.tongue());
    let heading = if arg.is_positional() { headings.arguments } else { headings.options };
    arg.help(help.clone())
        .long_help(help)
        .help_heading(heading)
        .hide_env(true)
        .hide_default_value(true)
        .hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_language_is_known_before_the_options_are_read() {
        let asked =
            |line: &str, variable| tongue_asked_for(line.split(' ').map(OsString::from), variable);
        assert_eq!(asked("p2pchat --help", None), None);
        assert_eq!(asked("p2pchat --lang zh --help", None), Some(Tongue::Zh));
        assert_eq!(asked("p2pchat send --lang=zh --help", Some("en")), Some(Tongue::Zh));
        assert_eq!(asked("p2pchat --help", Some("zh")), Some(Tongue::Zh));
        assert_eq!(asked("p2pchat send --to a -- --lang zh", None), None);
        assert_eq!(asked("p2pchat --lang", None), None);
        assert_eq!(asked("p2pchat --lang xx", None), None);
    }

    #[test]
    fn everything_in_the_help_is_translated() {
        let english = in_language(Cli::command(), &Language::default());
        assert_eq!(
            english.clone().render_help().to_string(),
            Cli::command().render_help().to_string()
        );
        let mut chinese = in_language(Cli::command(), &Language::new(Tongue::Zh));
        chinese.build();
        let mut open = vec![("p2pchat".to_owned(), &chinese)];
        while let Some((path, command)) = open.pop() {
            // What clap makes of a command named help is its own affair.
            if path.split(' ').any(|word| word == "help") {
                continue;
            }
            let is_chinese = |text: String| text.chars().any(|c| ('一'..='龥').contains(&c));
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(is_chinese(about), "{path} has no help");
            let after = command.get_after_help().map(ToString::to_string);
            assert!(after.is_none_or(is_chinese), "{path} ends in English");
            for arg in command.get_arguments() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(is_chinese(help), "{path} {} has no help", arg.get_id());
            }
            let subs = command.get_subcommands();
            open.extend(subs.map(|sub| (format!("{path} {}", sub.get_name()), sub)));
        }
    }

    #[test]
    fn the_options_mean_the_same_in_every_language() {
        let chinese = in_language(Cli::command(), &Language::new(Tongue::Zh));
        let line = "p2pchat --lang zh --timeout 1s send --to alice hi";
        let matches = chinese.clone().try_get_matches_from(line.split(' ')).expect("valid");
        let cli = <Cli as clap::FromArgMatches>::from_arg_matches(&matches).expect("valid");
        assert_eq!(cli.options.lang, Some(Tongue::Zh));
        assert!(matches!(cli.command, Some(crate::cli::Command::Send { .. })));
        let wrong = chinese.try_get_matches_from(["p2pchat", "--visible", "--relay-only"]);
        assert_eq!(wrong.expect_err("a contradiction").exit_code(), 2);
    }
}

//! Which terminal this is, as far as its environment tells, and what follows from that.
//!
//! No terminal answers the question whether it has links or notifications, so each says who it is
//! in variables of its own, and what each can do is known. Where nothing is known nothing is sent
//! but the bell: a terminal that does not know a sequence may print it.

/// What is between us and the person.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Emulator {
    /// How it is told to notify.
    pub notices: Notices,
    /// Whether it has links (OSC 8).
    pub links: bool,
    /// What runs inside it, and around us.
    pub multiplexer: Option<Multiplexer>,
}

/// How a terminal is told to show a notification.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Notices {
    /// It can only ring.
    #[default]
    Bell,
    /// OSC 9, as iTerm2 began it: a text.
    Osc9,
    /// OSC 777, as rxvt-unicode began it: a title and a text.
    Osc777,
}

/// A program that gives several terminals to the one that it runs in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Multiplexer {
    /// It passes a sequence on when it is wrapped and `allow-passthrough` is on.
    Tmux,
    /// It passes a sequence on when it is wrapped.
    Screen,
}

impl Emulator {
    /// What `variable` says of the terminal: the value of an environment variable, if it is set.
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| variable(name).unwrap_or_default();
        let has = |name: &str| !value(name).is_empty();
        let term = value("TERM");
        if matches!(&*term, "" | "dumb" | "linux") {
            return Self::default();
        }
        let program = value("TERM_PROGRAM");
        let multiplexer = if has("TMUX") {
            Some(Multiplexer::Tmux)
        } else {
            has("STY").then_some(Multiplexer::Screen)
        };
        // Inside a multiplexer these are what it was started with; they may be of a terminal that
        // is gone, and then the bell is still heard.
        let is = |programs: &[&str], terms: &[&str], variables: &[&str]| {
            programs.contains(&&*program)
                || terms.iter().any(|known| term.contains(known))
                || variables.iter().any(|name| has(name))
        };
        let iterm = program == "iTerm.app" || value("LC_TERMINAL") == "iTerm2";
        let kitty = is(&["kitty"], &["kitty"], &["KITTY_WINDOW_ID"]);
        let ghostty = is(&["ghostty"], &["ghostty"], &["GHOSTTY_RESOURCES_DIR"]);
        let wezterm = is(&["WezTerm"], &["wezterm"], &["WEZTERM_PANE"]);
        let foot = is(&[], &["foot"], &[]);
        let rxvt = is(&[], &["rxvt-unicode"], &[]);
        let vte = value("VTE_VERSION").parse::<u32>().unwrap_or(0);
        let konsole = value("KONSOLE_VERSION").parse::<u32>().unwrap_or(0);
        let notices = if iterm || kitty {
            Notices::Osc9
        } else if ghostty || wezterm || foot || rxvt || vte > 0 {
            Notices::Osc777
        } else {
            Notices::Bell
        };
        let links = iterm || kitty || ghostty || wezterm || foot
            // VTE crashed on links before 0.50.2.
            || vte > 5_001
            || konsole >= 201_200
            || is(&["vscode"], &["alacritty"], &["WT_SESSION"]);
        let links = match (&*value("FORCE_HYPERLINK"), multiplexer) {
            ("0", _) => false,
            ("", None) => links,
            // tmux has had links of its own since 3.4, which it draws as the terminal can.
            ("", Some(Multiplexer::Tmux)) => {
                program == "tmux" && version(&value("TERM_PROGRAM_VERSION")) >= (3, 4)
            }
            ("", Some(Multiplexer::Screen)) => false,
            _ => true,
        };
        Self { notices, links, multiplexer }
    }
}

/// The two numbers that `3.4a` begins with.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    let mut next = || numbers.next().flatten().unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emulator(variables: &[(&str, &str)]) -> Emulator {
        Emulator::of(|name| {
            let value = variables.iter().find(|(known, _)| *known == name);
            value.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_known_can_only_ring() {
        for variables in [
            &[("TERM", "dumb"), ("FORCE_HYPERLINK", "1")][..],
            &[("TERM", "linux")],
            &[("TERM", "xterm-256color")],
            &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")],
            &[],
        ] {
            assert_eq!(emulator(variables), Emulator::default(), "{variables:?}");
        }
    }

    #[test]
    fn each_terminal_is_known_by_its_own_variables() {
        for (variables, notices, links) in [
            (&[("TERM", "xterm-kitty")][..], Notices::Osc9, true),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")], Notices::Osc9, true),
            (&[("TERM", "foot")], Notices::Osc777, true),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7200")], Notices::Osc777, true),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "4803")], Notices::Osc777, false),
            (&[("TERM", "rxvt-unicode-256color")], Notices::Osc777, false),
            (&[("TERM", "alacritty")], Notices::Bell, true),
            (&[("TERM", "alacritty"), ("FORCE_HYPERLINK", "0")], Notices::Bell, false),
        ] {
            let expected = Emulator { notices, links, multiplexer: None };
            assert_eq!(emulator(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn inside_tmux_links_depend_on_tmux() {
        let tmux = |version| {
            emulator(&[
                ("TERM", "tmux-256color"),
                ("TMUX", "/tmp/tmux-0/default,1,0"),
                ("TERM_PROGRAM", "tmux"),
                ("TERM_PROGRAM_VERSION", version),
                ("KITTY_WINDOW_ID", "1"),
            ])
        };
        assert!(!tmux("3.3a").links);
        assert!(tmux("3.4").links && tmux("3.10").links);
        assert_eq!(tmux("3.4").multiplexer, Some(Multiplexer::Tmux));
        assert_eq!(tmux("3.4").notices, Notices::Osc9);
        let screen = emulator(&[("TERM", "screen.xterm-256color"), ("STY", "1.pts-0")]);
        assert_eq!((screen.links, screen.multiplexer), (false, Some(Multiplexer::Screen)));
    }
}

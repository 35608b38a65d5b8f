//! What stands in the way of a script, and when it is said.

use std::fmt::Display;

use super::super::{Background, Printout};
use super::{NO_ANSWER, Script, Task};
use crate::chat::{ExitCode, Notice};

impl Script {
    /// There is a session with whom its line is for.
    pub fn is_connected(&mut self) {
        self.is_connected = true;
    }

    /// Whether it comes to its end by a session that is there, whatever servers do.
    pub(super) fn may_do_without_servers(&self) -> bool {
        let says = matches!(self.task, Task::Send | Task::Offer { .. } | Task::Ask { .. });
        self.is_connected && says
    }

    /// Says nothing of trouble that may not matter, until its line has not arrived.
    pub(super) fn hold_back(
        &mut self,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        let held = self.render(notice, background);
        self.held.extend(held);
        Vec::new()
    }

    /// What is said about the time being over, if the chat ends with `code`.
    #[must_use]
    pub fn time_is_over(&self, code: ExitCode) -> Option<String> {
        let exit = self.exit(code);
        let time_up = ExitCode::TimeUp.code();
        match &self.task {
            Task::Ask { .. } if exit == NO_ANSWER + time_up && self.asked.is_some() => {
                Some(self.language().text("ask-unanswered"))
            }
            Task::Receive { count, .. } if exit == time_up => {
                let arguments: [(_, &dyn Display); 2] =
                    [("received", &self.received), ("count", count)];
                Some(self.language().say("recv-time-up", &arguments))
            }
            Task::Take { .. } if exit == time_up => Some(self.language().text("recv-file-time-up")),
            _ => None,
        }
    }

    /// It waits for the end of another one, whose words are enough.
    pub fn keep_quiet(&mut self) {
        self.is_quiet = true;
    }

    /// Runs the chat for others: whether it can, and why not.
    pub(super) fn holds(&self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        match notice {
            Notice::Registered { .. }
            | Notice::Announced { .. }
            | Notice::Unregistered
            | Notice::RegisterRefused { .. }
            | Notice::Trouble { .. }
            | Notice::StoreFailed(_)
                if !self.is_quiet =>
            {
                self.render(notice, background)
            }
            _ => Vec::new(),
        }
    }

    /// Leaves while lines wait.
    pub(super) fn leave(&mut self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        let mut printouts = std::mem::take(&mut self.held);
        printouts.extend(self.render(notice, background));
        printouts
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::proto::RendezvousTrouble;
    use crate::ui::language::Language;

    #[test]
    fn trouble_with_a_server_concerns_only_a_line_that_does_not_arrive_without_it() {
        let (trouble, same_as) = (RendezvousTrouble::Unreachable, None);
        let lost = Notice::Trouble { server: None, trouble, same_as, others: false };
        let script = || Script::new(Task::Send, false, TimeZone::UTC, Language::default());
        let mut alone = script();
        assert_eq!(alone.hear(&lost, Background::default()).len(), 1);
        let mut connected = script();
        connected.is_connected();
        assert_eq!(connected.hear(&lost, Background::default()), []);
        let left = connected.hear(&Notice::Leaving { undelivered: 1 }, Background::default());
        assert_eq!(left.len(), 2);
        assert!(left[0].text.contains("cannot be reached"), "{left:?}");
    }

    #[test]
    fn whoever_sends_hears_that_a_secret_is_lacking() {
        let name = p2pchat_wire::identity::Name::new("alice").expect("name");
        let peer = crate::chat::Address::new(name, "host");
        let mut script = Script::new(Task::Send, false, TimeZone::UTC, Language::default());
        let lacking = Notice::SecretLacking { peer, by_us: false };
        assert_eq!(script.hear(&lacking, Background::default()).len(), 1);
    }
}

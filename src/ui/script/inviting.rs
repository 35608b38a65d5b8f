//! What `p2pchat invite` and `p2pchat accept` are told where a chat runs, which exchanges the letters.

use super::task::Part;
use super::{Script, refused};
use crate::chat::{ExitCode, Notice};
use crate::ui::language::Language;
use crate::ui::{Background, Printout, invitations};

impl Script {
    /// What comes of an invitation. Others may give and accept some of their own.
    pub(super) fn correspond(
        &mut self,
        part: Part,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        let ends = match (part, notice) {
            (Part::Gives, Notice::Invitation { .. }) => None,
            (Part::Gives, Notice::Invited { by_us: true, .. })
            | (Part::Accepts, Notice::Invited { by_us: false, verified: true, .. })
            | (Part::Believes, Notice::Invited { by_us: false, verified: false, .. }) => {
                Some(ExitCode::Done)
            }
            (Part::Gives, Notice::InvitationFailed { reason, by_us: true })
            | (Part::Accepts, Notice::InvitationFailed { reason, by_us: false }) => {
                Some(invitations::exit(*reason))
            }
            (Part::Believes, Notice::KeyChanged { .. }) => Some(ExitCode::KeyChanged),
            (_, Notice::Refused { problem, .. }) => Some(refused(problem)),
            _ => return Vec::new(),
        };
        self.done |= ends.is_some();
        self.refused = ends.filter(|code| *code != ExitCode::Done);
        if self.json {
            return self.render(notice, background);
        }
        told(notice, &self.language).unwrap_or_else(|| self.render(notice, background))
    }
}

/// As the two commands say it where they exchange the letters themselves.
fn told(notice: &Notice, language: &Language) -> Option<Vec<Printout>> {
    Some(match notice {
        Notice::Invitation { number, words, wording, link, minutes, .. } => {
            let code = invitations::code(*number, words, *wording, language);
            invitations::to_be_told(&code, link, *minutes, language).into()
        }
        Notice::Invited { peer, key, verified, .. } => {
            vec![invitations::introduced(peer, *key, *verified, language)]
        }
        Notice::InvitationFailed { reason, by_us } => {
            let why = invitations::failure(*reason, *by_us, invitations::INVITE_COMMAND);
            vec![Printout::err(format!("p2pchat: {}", why.said_in(language)))]
        }
        _ => return None,
    })
}

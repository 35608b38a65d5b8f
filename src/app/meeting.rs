//! `p2pchat doctor --peer`: connects as a chat does, asks the other side about its network, and says
//! why the path is what it is.

use std::fmt::Display;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::chatting::{congestion, lan, policy, view};
use super::folder::downloads;
use super::peer::{Peer, Setup, Step, now};
use super::{Failure, profile};
use crate::chat::{ExitCode, Input, Notice, Presence, Strangers, Wait};
use crate::config::{Face, Paths, PeerAddress, Wanted};
use crate::proto::{PathKind, RendezvousTrouble};
use crate::store::{DataKey, Profile};
use crate::ui::language::Language;
use crate::ui::{Background, Printout, View, terminal};

/// How long a session is waited for.
const CONNECT: Duration = Duration::from_secs(12);

/// How long a direct path is waited for once there is a session.
const DIRECT: Duration = Duration::from_secs(6);

/// How long answers are waited for once there is a direct path.
const ANSWERS: Duration = Duration::from_secs(1);

/// What came of a meeting: what it is called, and what there is to print.
type Outcome = (ExitCode, Vec<Printout>);

/// Meets the peer that `wanted` names.
///
/// # Errors
///
/// The profile cannot be used, perhaps because a chat is using it.
pub(super) async fn meet(
    wanted: Wanted,
    dir: &Path,
    key: Option<DataKey>,
    language: &Language,
) -> Result<Outcome, Failure> {
    let profile = Profile::unlock(dir, key.as_ref())?;
    let mut snapshot = profile.snapshot()?;
    let place = wanted.place(&profile::remembered(&snapshot))?;
    profile::believe(&mut snapshot, &place, now());
    let peer = Peer::start(Setup {
        dir: dir.to_owned(),
        profile,
        snapshot,
        place,
        downloads: downloads(wanted.downloads.as_deref()),
        peer: wanted.peer.as_ref().map(PeerAddress::without_key),
        wait: Some(Wait::Sent),
        founds: false,
        // Nobody reads here.
        replay: false,
        // They are told of when the chat is opened.
        strangers: Strangers::Request,
        policy: policy(wanted.paths),
        congestion: congestion(wanted.congestion),
        bind: wanted.bind,
        port_mapping: wanted.port_mapping && wanted.paths != Paths::RelayOnly,
        lan: lan(wanted.lan),
        attachable: None,
    })?;
    let face = if wanted.face == Face::Json { Face::Json } else { Face::Plain };
    let mut meeting = Meeting {
        peer,
        view: view(face, language),
        printouts: Vec::new(),
        connected: false,
        deadline: Box::pin(sleep(CONNECT)),
    };
    let code = meeting.run().await;
    let Meeting { peer, printouts, .. } = meeting;
    peer.close().await;
    Ok((code, printouts))
}

struct Meeting {
    peer: Peer,
    view: View,
    printouts: Vec<Printout>,
    connected: bool,
    /// When what is known has to do.
    deadline: Pin<Box<Sleep>>,
}

impl Meeting {
    async fn run(&mut self) -> ExitCode {
        loop {
            tokio::select! {
                step = self.peer.next() => match step {
                    Step::Quit { code } => return code,
                    Step::Show(notice) => {
                        if let Some(code) = self.hear(&notice) {
                            return code;
                        }
                    }
                },
                () = &mut self.deadline => {
                    if !self.connected {
                        self.remark("no-session", "doctor-no-session", &[("seconds", &CONNECT.as_secs())]);
                        return ExitCode::NoPath;
                    }
                    self.deadline = Box::pin(sleep(CONNECT));
                    self.peer.input(Input::Command("path".to_owned()));
                }
            }
        }
    }

    /// What a notice means for the meeting: the code, if it is over.
    fn hear(&mut self, notice: &Notice) -> Option<ExitCode> {
        match notice {
            Notice::Peer { state: Presence::Connected, path, .. } => {
                let direct = path.is_some_and(|path| path.kind != PathKind::Relay);
                let first = !std::mem::replace(&mut self.connected, true);
                if first {
                    self.peer.input(Input::Examine);
                }
                if direct {
                    self.deadline = Box::pin(sleep(ANSWERS));
                } else if first {
                    self.deadline = Box::pin(sleep(DIRECT));
                }
                None
            }
            Notice::Peer { peer, state: Presence::Offline, .. } => {
                self.remark("peer-offline", "doctor-peer-offline", &[("peer", peer)]);
                Some(ExitCode::PeerOffline)
            }
            Notice::Paths { .. } => self.print(notice, Some(ExitCode::Done)),
            Notice::Circumstances { .. } => self.print(notice, None),
            Notice::NoSuchName(_) => self.print(notice, Some(ExitCode::NoSuchName)),
            Notice::KeyChanged { .. } => self.print(notice, Some(ExitCode::KeyChanged)),
            Notice::RegisterRefused { .. } | Notice::ConnectRefused { .. } => {
                self.print(notice, Some(ExitCode::Refused))
            }
            // Another of several may still introduce us.
            Notice::Trouble { server: Some(_), .. } => self.print(notice, None),
            Notice::Trouble { trouble, .. } => {
                let code = match trouble {
                    RendezvousTrouble::Unreachable => ExitCode::RendezvousUnreachable,
                    RendezvousTrouble::Version { .. } => ExitCode::Version,
                    RendezvousTrouble::KeyChanged { .. } => ExitCode::KeyChanged,
                    RendezvousTrouble::SameAs(_) => return None,
                };
                self.print(notice, Some(code))
            }
            _ => None,
        }
    }

    /// Everything is the answer to what was asked, so all of it goes to the standard output.
    fn print(&mut self, notice: &Notice, code: Option<ExitCode>) -> Option<ExitCode> {
        let background = self.peer.background(notice);
        let background = Background { columns: terminal::columns(), ..background };
        let rendered = self.view.render(now(), notice, background);
        self.printouts.extend(rendered.into_iter().map(|said| Printout::out(said.text)));
        code
    }

    fn remark(&mut self, code: &str, id: &str, arguments: &[(&'static str, &dyn Display)]) {
        let sentence = self.view.language().say(id, arguments);
        let said = self.view.remark(code, &sentence).text;
        self.printouts.push(Printout::out(said));
    }
}

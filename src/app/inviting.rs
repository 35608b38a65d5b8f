//! `p2pchat invite` and `p2pchat accept`: two people become sure of each other's keys, with a code that
//! is told, not sent, or with a link.
//!
//! Where a chat runs, it does that for them: the two join it with the command that a person would type there.
//! Else there is no chat in it: an endpoint registers, the letters go through the mailbox, and what comes of
//! it is written into the profile, for the next chat.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::Refusal;
use zeroize::Zeroizing;

use super::attach::visit::{Carried, Visitor};
use super::chatting::Job;
use super::console::{self, Console};
use super::failure::as_it_is;
use super::home::{Home, News};
use super::peer::{StartError, instant, now, random};
use super::scripts::in_a_pipe;
use super::{Failure, profile, unlock};
use crate::chat::invitation::{CodeWords, ContactLink, MINUTES, NotACode};
use crate::chat::safety::Wording;
use crate::chat::{self, Address, Contact, ExitCode, Notice, Snapshot};
use crate::config::{ConfigError, Face, Place, Rendezvous, Wanted};
use crate::net::{self, Network, Sockets};
use crate::proto::{
    self, Command, Endpoint, Event, InvitationFailure, RendezvousTrouble, ServerId,
};
use crate::store::Profile;
use crate::ui::language::{Language, Phrase};
use crate::ui::script::{Part, Task};
use crate::ui::{Background, Printout, invitations, json, words};

/// Where the code may stand instead of the standard input: arguments are seen by everybody on the
/// same computer.
const CODE: &str = "P2PCHAT_CODE";

/// How long the last letter may take to reach the server, with its repetitions.
const LAST_LETTER: Duration = Duration::from_secs(2);

/// How long goodbyes may take: more than the core has for them.
const GOODBYE: Duration = Duration::from_secs(2);

/// Longer than any code.
const MAX_INPUT: u64 = 256;

/// Makes a code up, shows it, and waits for whoever has it. Returns the exit code.
///
/// # Errors
///
/// Nobody came, or somebody with other words.
pub async fn invite(wanted: Wanted, wording: Wording, language: &Language) -> Result<u8, Failure> {
    let list = match wording {
        Wording::English => "en",
        Wording::Chinese => "zh",
    };
    let command = format!("/invite {list}{}", at(&wanted));
    if let Some(code) = join(&wanted, Part::Gives, command, language).await? {
        return Ok(code);
    }
    let mut letters = Correspondence::start(&wanted, language)?;
    let words = CodeWords::draw(&mut Random::from_seed(random()?));
    letters.ask(Command::Invite { server: ServerId::FIRST, words: words.secret() }).await?;
    loop {
        match letters.next().await? {
            Event::InvitationOpened { number, .. } => letters.show(number, &words, wording)?,
            Event::Invited { name, key, secret, by_us: true, .. } => {
                tokio::time::sleep(LAST_LETTER).await;
                return letters.keep(name, key, secret).await;
            }
            Event::InvitationFailed { reason, by_us: true, .. } => {
                tokio::time::sleep(LAST_LETTER).await;
                return letters.give_up(reason).await;
            }
            _ => {}
        }
    }
}

/// Accepts a code, which is asked for, or a link. Returns the exit code.
///
/// # Errors
///
/// It is no code, nobody has made it, or somebody is in between.
pub async fn accept(
    wanted: Wanted,
    link: Option<ContactLink>,
    language: &Language,
) -> Result<u8, Failure> {
    if let Some(link) = link {
        let command = format!("/accept {link}");
        return match join(&wanted, Part::Believes, command, language).await? {
            Some(code) => Ok(code),
            None => believe(&wanted, &link, language),
        };
    }
    let dir = profile::directory(wanted.data_dir.clone())?;
    let mut code = None;
    if Visitor::is_held(&dir).await {
        let (number, words) = code.insert(CodeWords::read(&typed(language)?)?);
        let written = words.write(*number, Wording::English);
        let command = format!("/accept {}{}", *written, at(&wanted));
        if let Some(code) = join(&wanted, Part::Accepts, command, language).await? {
            return Ok(code);
        }
    }
    // Whatever else is wrong is said before somebody types a code.
    let mut letters = Correspondence::start(&wanted, language)?;
    let (number, words) = match code {
        Some(code) => code,
        None => CodeWords::read(&typed(language)?)?,
    };
    let words = words.secret();
    letters.ask(Command::Accept { server: ServerId::FIRST, number, words }).await?;
    loop {
        match letters.next().await? {
            Event::Invited { name, key, secret, by_us: false, .. } => {
                return letters.keep(name, key, secret).await;
            }
            Event::InvitationFailed { reason, by_us: false, .. } => {
                return letters.give_up(reason).await;
            }
            _ => {}
        }
    }
}

/// The server that was named, for the chat that runs, which may use several.
fn at(wanted: &Wanted) -> String {
    match wanted.rendezvous.as_slice() {
        [only] => format!(" @{}", only.host),
        _ => String::new(),
    }
}

/// Has the chat that runs do it. Returns its exit code, if there is one.
async fn join(
    wanted: &Wanted,
    part: Part,
    command: String,
    language: &Language,
) -> Result<Option<u8>, Failure> {
    let wanted = in_a_pipe(wanted.clone());
    let dir = profile::directory(wanted.data_dir.clone())?;
    let task = Task::Invitation { part, command };
    let job = Job { task, says: Vec::new(), time: None, detaches: false, key: None };
    let view = job.view(wanted.face, language);
    let mut visitor = Visitor::new(&wanted, None, view, Carried::default());
    visitor.call(&dir, Console::saying(&job.says)).await
}

/// A link says who somebody is; nobody is asked.
fn believe(wanted: &Wanted, link: &ContactLink, language: &Language) -> Result<u8, Failure> {
    let mut profile = open(wanted, language)?;
    if profile.identity().id() == link.key {
        return Err(failed(InvitationFailure::Own, false));
    }
    let snapshot = profile.snapshot()?;
    let known = snapshot.rendezvous(&link.host).cloned();
    let mut rendezvous = known.unwrap_or_else(|| chat::Rendezvous::new(&link.host));
    // No key that is believed gives way to a link.
    if let (Some(known), Some(said)) = (rendezvous.key, link.server)
        && known != said
    {
        let phrase = Phrase::new("problem-other-server-key").with("host", &link.host);
        let phrase = phrase.with("known", known).with("said", said);
        return Err(Failure::new(ExitCode::KeyChanged, phrase));
    }
    let address = Address::new(link.name.clone(), &link.host);
    let pinned = snapshot.contacts.iter().find(|one| one.address == address);
    if let Some(pinned) = pinned.and_then(|one| one.key).filter(|pinned| *pinned != link.key) {
        let phrase = Phrase::new("link-other-key").with("peer", &address);
        let phrase = phrase.with("was", pinned.tag()).with("key", link.key);
        return Err(Failure::new(ExitCode::KeyChanged, phrase));
    }
    rendezvous.key = rendezvous.key.or(link.server);
    rendezvous.used_at = now();
    let contact = contact(&snapshot, &link.name, &link.host, link.key, false)?;
    profile.introduce(contact, rendezvous, None)?;
    print(&introduced(address, link.key, (false, false), wanted.face, language))
}

fn open(wanted: &Wanted, language: &Language) -> Result<Profile, Failure> {
    let dir = profile::directory(wanted.data_dir.clone())?;
    let key = unlock::key(&dir, language)?;
    Ok(Profile::unlock(&dir, key.as_ref())?)
}

/// What an invitation needs: a name at a rendezvous.
struct Correspondence<'a> {
    profile: Profile,
    snapshot: Snapshot,
    name: Name,
    /// With its key, once that is known.
    rendezvous: Rendezvous,
    token: Option<[u8; 32]>,
    home: Home,
    network: Network,
    face: Face,
    by_us: bool,
    language: &'a Language,
}

impl<'a> Correspondence<'a> {
    fn start(wanted: &Wanted, language: &'a Language) -> Result<Self, Failure> {
        let profile = open(wanted, language)?;
        let mut snapshot = profile.snapshot()?;
        let place = wanted.place(&profile::remembered(&snapshot))?;
        profile::believe(&mut snapshot, &place, now());
        let Place { name, rendezvous } = place;
        let rendezvous = rendezvous.into_iter().next().ok_or(ConfigError::NoRendezvous)?;
        let known = snapshot.rendezvous(&rendezvous.host.to_string());
        let key = rendezvous.key.or_else(|| known.and_then(|known| known.key));
        let home = Home::new(ServerId::FIRST, rendezvous.clone(), known);
        let rendezvous = Rendezvous { key, ..rendezvous };
        let sockets = Sockets::bind(wanted.bind)
            .map_err(|cause| StartError::Socket { address: wanted.bind, cause })?;
        let core = proto::Config { started_at_ms: now().0, ..proto::Config::default() };
        let identity = profile.identity().clone();
        let mut endpoint = Endpoint::new(core, identity, random()?, instant());
        endpoint.handle_command(instant(), Command::Register(name.clone()));
        let network = net::start(endpoint, sockets, net::Options::default());
        let (token, face, by_us) = (None, wanted.face, false);
        Ok(Self {
            profile,
            snapshot,
            name,
            rendezvous,
            token,
            home,
            network,
            face,
            by_us,
            language,
        })
    }

    /// Asks for something as soon as the server knows us.
    async fn ask(&mut self, command: Command) -> Result<(), Failure> {
        self.by_us = matches!(command, Command::Invite { .. });
        while self.token.is_none() {
            self.next().await?;
        }
        // It has ended only if the process is ending.
        let _ = self.network.commands.send(command).await;
        Ok(())
    }

    /// What happens next, unless it is something that no waiting helps against.
    async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            tokio::select! {
                event = self.network.events.recv() => {
                    let Some(event) = event else {
                        return Err(Failure::internal(Phrase::new("invitation-ended")));
                    };
                    self.home.observe(&event);
                    self.look_at(&event)?;
                    return Ok(event);
                }
                news = self.home.next() => match news {
                    News::Use(command) => {
                        let _ = self.network.commands.send(command).await;
                    }
                    News::Unreachable(_) => {
                        return Err(self.trouble(RendezvousTrouble::Unreachable));
                    }
                },
            }
        }
    }

    fn look_at(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::RendezvousKey { key, .. } => self.rendezvous.key = Some(*key),
            Event::Registered { token, .. } => self.token = Some(*token),
            // These pass.
            Event::RegisterRefused { refusal: Refusal::Busy | Refusal::Storage, .. } => {}
            Event::RegisterRefused { name, refusal, .. } => {
                let (name, refusal) = (name.clone(), *refusal);
                let notice = Notice::RegisterRefused { server: None, name, refusal };
                return Err(self.said(&notice, ExitCode::Refused));
            }
            Event::RendezvousTrouble { trouble, .. } => return Err(self.trouble(*trouble)),
            _ => {}
        }
        Ok(())
    }

    fn trouble(&self, trouble: RendezvousTrouble) -> Failure {
        let code = match trouble {
            RendezvousTrouble::Unreachable => ExitCode::RendezvousUnreachable,
            RendezvousTrouble::Version { .. } => ExitCode::Version,
            RendezvousTrouble::KeyChanged { .. } => ExitCode::KeyChanged,
            RendezvousTrouble::SameAs(_) => ExitCode::Internal,
        };
        let notice = Notice::Trouble { server: None, trouble, same_as: None, others: false };
        self.said(&notice, code)
    }

    /// What the chat would say of it.
    fn said(&self, notice: &Notice, code: ExitCode) -> Failure {
        let background = Background { cause: self.home.cause(), ..Background::default() };
        let sentence = words::sentence(notice, &TimeZone::UTC, background, self.language);
        Failure::new(code, as_it_is(sentence.unwrap_or_default()))
    }

    /// The code, and what the other has to do with it.
    fn show(&self, number: u32, words: &CodeWords, wording: Wording) -> Result<(), Failure> {
        let link = ContactLink {
            name: self.name.clone(),
            host: self.rendezvous.host.to_string(),
            server: self.rendezvous.key,
            key: self.profile.identity().id(),
        };
        if self.face == Face::Json {
            let (words, link, wording) = (words.clone(), Box::new(link), Some(wording));
            let (server, minutes) = (None, MINUTES);
            let notice = Notice::Invitation { number, words, wording, server, link, minutes };
            return print(&object(&notice)).map(|_| ());
        }
        let code = words.write(number, wording);
        for printout in invitations::to_be_told(&code, &link, MINUTES, self.language) {
            print(&printout)?;
        }
        Ok(())
    }

    /// Writes down who the other is, and says so.
    async fn keep(mut self, name: Name, key: PeerId, secret: SharedSecret) -> Result<u8, Failure> {
        let host = self.rendezvous.host.to_string();
        let contact = contact(&self.snapshot, &name, &host, key, true)?;
        let address = contact.address.clone();
        let known = self.snapshot.rendezvous(&host).cloned();
        let known = known.unwrap_or_else(|| chat::Rendezvous::new(&host));
        let rendezvous = chat::Rendezvous {
            key: self.rendezvous.key,
            token: self.token.or(known.token),
            name: Some(self.name.clone()),
            used_at: now(),
            ..known
        };
        self.profile.introduce(contact, rendezvous, Some((key, secret)))?;
        let said = introduced(address, key, (self.by_us, true), self.face, self.language);
        self.close().await;
        print(&said)
    }

    /// Nothing comes of it, and why.
    async fn give_up(self, reason: InvitationFailure) -> Result<u8, Failure> {
        let (by_us, face) = (self.by_us, self.face);
        self.close().await;
        if face == Face::Json {
            print(&object(&Notice::InvitationFailed { reason, by_us }))?;
            return Ok(invitations::exit(reason).code());
        }
        Err(failed(reason, by_us))
    }

    async fn close(mut self) {
        drop(self.network.commands);
        let goodbye = async { while self.network.events.recv().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// Whom we know by this name from now on, with what we had of it before.
///
/// The words of an invitation are as good as those of a verification: only the two know them. A link is
/// worth what the way is worth that it came by.
fn contact(
    snapshot: &Snapshot,
    name: &Name,
    host: &str,
    key: PeerId,
    verified: bool,
) -> Result<Contact, StartError> {
    let address = Address::new(name.clone(), host);
    let known = snapshot.contacts.iter().find(|one| one.address == address).cloned();
    let since = known.as_ref().filter(|one| one.key == Some(key)).map(|one| one.since);
    let mut log = Random::from_seed(random()?);
    let contact = known.unwrap_or_else(|| Contact::new(address, log.u64()));
    let verified = verified || contact.verified && contact.key == Some(key);
    let since = since.unwrap_or_else(now);
    Ok(Contact { key: Some(key), verified, offered: None, since, ..contact })
}

/// The code: from the environment, or typed, or from a pipe.
fn typed(language: &Language) -> Result<Zeroizing<String>, Failure> {
    if let Ok(code) = std::env::var(CODE) {
        return Ok(Zeroizing::new(code));
    }
    if io::stdin().is_terminal() {
        let asked = language.text("invitation-ask");
        let said = io::stderr().write_all(asked.as_bytes()).and_then(|()| io::stderr().flush());
        said.map_err(|error| {
            Failure::internal(Phrase::new("terminal-closed").with("error", error))
        })?;
    }
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(MAX_INPUT).read_line(&mut line);
    read.map_err(|error| Failure::internal(Phrase::new("input-unreadable").with("error", error)))?;
    Ok(line)
}

fn introduced(
    peer: Address,
    key: PeerId,
    (by_us, verified): (bool, bool),
    face: Face,
    language: &Language,
) -> Printout {
    if face == Face::Json {
        return object(&Notice::Invited { peer, key, by_us, verified });
    }
    invitations::introduced(&peer, key, verified, language)
}

/// What the chat would say of it to a program.
fn object(notice: &Notice) -> Printout {
    let said = json::render(notice, Background::default(), &Language::default());
    said.into_iter().next().unwrap_or_else(|| Printout::out(String::new()))
}

/// Writes it. That it is done is then all that there is to say.
fn print(printout: &Printout) -> Result<u8, Failure> {
    console::write(printout).map_err(|error| Failure::not_written(&error))?;
    Ok(ExitCode::Done.code())
}

fn failed(reason: InvitationFailure, by_us: bool) -> Failure {
    let why = invitations::failure(reason, by_us, invitations::INVITE_COMMAND);
    Failure::new(invitations::exit(reason), why)
}

impl From<NotACode> for Failure {
    fn from(error: NotACode) -> Self {
        Self::new(ExitCode::Usage, invitations::no_code(error))
    }
}

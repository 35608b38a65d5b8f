//! Everything that can live in these worlds.

use std::net::SocketAddr;
use std::time::Instant;

use crate::client::Client;
use crate::person::Person;
use crate::server::Rendezvous;
use crate::talker::Talker;
use crate::world::{Host, Output, World};

/// One inhabitant.
pub(crate) enum Machine {
    Server(Box<Rendezvous>),
    Talker(Box<Talker>),
    Client(Box<Client>),
    Person(Box<Person>),
}

impl Machine {
    fn as_host(&self) -> &dyn Host {
        match self {
            Self::Server(server) => server.as_ref(),
            Self::Talker(talker) => talker.as_ref(),
            Self::Client(client) => client.as_ref(),
            Self::Person(person) => person.as_ref(),
        }
    }

    fn as_host_mut(&mut self) -> &mut dyn Host {
        match self {
            Self::Server(server) => server.as_mut(),
            Self::Talker(talker) => talker.as_mut(),
            Self::Client(client) => client.as_mut(),
            Self::Person(person) => person.as_mut(),
        }
    }

    #[track_caller]
    pub(crate) fn server(&self) -> &Rendezvous {
        let Self::Server(server) = self else { panic!("{} is no server", self.name()) };
        server
    }

    #[track_caller]
    pub(crate) fn server_mut(&mut self) -> &mut Rendezvous {
        let Self::Server(server) = self else { panic!("not a server") };
        server
    }

    #[track_caller]
    pub(crate) fn talker(&self) -> &Talker {
        let Self::Talker(talker) = self else { panic!("{} is no talker", self.name()) };
        talker
    }

    #[track_caller]
    pub(crate) fn talker_mut(&mut self) -> &mut Talker {
        let Self::Talker(talker) = self else { panic!("not a talker") };
        talker
    }

    #[track_caller]
    pub(crate) fn client(&self) -> &Client {
        let Self::Client(client) = self else { panic!("{} is no client", self.name()) };
        client
    }

    #[track_caller]
    pub(crate) fn client_mut(&mut self) -> &mut Client {
        let Self::Client(client) = self else { panic!("not a client") };
        client
    }

    #[track_caller]
    pub(crate) fn person(&self) -> &Person {
        let Self::Person(person) = self else { panic!("{} is no person", self.name()) };
        person
    }

    #[track_caller]
    pub(crate) fn person_mut(&mut self) -> &mut Person {
        let Self::Person(person) = self else { panic!("not a person") };
        person
    }

    #[track_caller]
    pub(crate) fn into_person(self) -> Person {
        let Self::Person(person) = self else { panic!("not a person") };
        *person
    }
}

impl World<Machine> {
    /// Every talker there is.
    pub(crate) fn talkers(&self) -> impl Iterator<Item = &Talker> {
        self.hosts().filter_map(|machine| match machine {
            Machine::Talker(talker) => Some(talker.as_ref()),
            Machine::Server(_) | Machine::Client(_) | Machine::Person(_) => None,
        })
    }
}

impl Host for Machine {
    fn name(&self) -> &'static str {
        self.as_host().name()
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, local: SocketAddr, bytes: &[u8]) {
        self.as_host_mut().handle_datagram(now, from, local, bytes);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.as_host_mut().handle_timeout(now);
    }

    fn poll(&mut self, now: Instant) -> Output {
        self.as_host_mut().poll(now)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.as_host_mut().remarks()
    }
}

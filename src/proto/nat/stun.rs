//! A STUN client (RFC 8489 §6) without sockets: what to ask whom, how often, and what came of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address::canonical;
use p2pchat_wire::random::Random;
use p2pchat_wire::stun::{self, Change};

use super::Sample;
use crate::proto::path::Pair;
use crate::proto::{SocketId, Transmit};

/// When a question is asked again, and in the end given up, after each time that it was asked.
///
/// RFC 8489 §6.2.1 begins with 500 ms and asks seven times. A person waits for what we ask, and an
/// answer that does not come within a second and a half comes too late.
const GAPS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

/// Questions at the same time; more are not asked.
const MAX_QUESTIONS: usize = 64;

#[derive(Debug)]
struct Question<T> {
    transaction: [u8; 12],
    /// Where the answer is expected.
    pair: Pair,
    way: Way,
    purpose: T,
    asked: usize,
    next_at: Instant,
}

/// How the answer is made to arrive where it is expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// It is asked for there.
    Straight,
    /// Another socket of ours asks for it, to the port at which the server sees the near end.
    To(SocketId, u16),
    /// Another port of the server is asked for it, and has the far end answer.
    Across(SocketAddr),
}

/// What came of one question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answered<T> {
    /// As it was given to [`Stun::ask`].
    pub(crate) purpose: T,
    /// `None` if no answer came.
    pub(crate) sample: Option<Sample>,
    /// Whether the server said instead that it has no other port to answer from.
    pub(crate) refused: bool,
    /// Another endpoint to ask, if the server names one (RFC 5780 §7.4).
    pub(crate) other: Option<SocketAddr>,
}

/// Questions that wait for an answer, each with a purpose.
#[derive(Debug)]
pub(crate) struct Stun<T> {
    questions: Vec<Question<T>>,
}

impl<T> Default for Stun<T> {
    fn default() -> Self {
        Self { questions: Vec::new() }
    }
}

impl<T: Copy> Stun<T> {
    /// Asks the server at the far end of `pair` where it sees the near end; the first request
    /// leaves with the next [`Self::poll`].
    pub(crate) fn ask(&mut self, now: Instant, pair: Pair, purpose: T, random: &mut Random) {
        self.push(now, pair, Way::Straight, purpose, random);
    }

    /// Asks from the socket `from` for an answer to `port` of our address (RFC 5780 §7.5). It is
    /// expected at the near end of `pair`, which sends nothing.
    pub(crate) fn ask_from(
        &mut self,
        now: Instant,
        (from, port): (SocketId, u16),
        pair: Pair,
        purpose: T,
        random: &mut Random,
    ) {
        self.push(now, pair, Way::To(from, port), purpose, random);
    }

    /// Asks the endpoint `at` for an answer from its other port, the far end of `pair`
    /// (RFC 5780 §4.4), where nothing is sent to.
    pub(crate) fn ask_across(
        &mut self,
        now: Instant,
        at: SocketAddr,
        pair: Pair,
        purpose: T,
        random: &mut Random,
    ) {
        self.push(now, pair, Way::Across(at), purpose, random);
    }

    fn push(&mut self, now: Instant, pair: Pair, way: Way, purpose: T, random: &mut Random) {
        if self.questions.len() < MAX_QUESTIONS {
            let transaction = random.array();
            let question = Question { transaction, pair, way, purpose, asked: 0, next_at: now };
            self.questions.push(question);
        }
    }

    /// Forgets the questions with these purposes.
    pub(crate) fn forget(&mut self, which: impl Fn(&T) -> bool) {
        self.questions.retain(|question| !which(&question.purpose));
    }

    /// A datagram that looks like STUN arrived on `pair`. Only the answer to one of our questions,
    /// from whom it was asked and where it was asked from, has a meaning.
    pub(crate) fn handle(&mut self, pair: Pair, bytes: &[u8]) -> Option<Answered<T>> {
        let (transaction, answer) = match stun::response(bytes) {
            Some((transaction, answer)) => (transaction, Some(answer)),
            None => (stun::refusal(bytes)?, None),
        };
        let asked = |question: &Question<T>| {
            let expected = match (answer, question.way) {
                (Some(_), _) => question.pair,
                (None, Way::Across(at)) => Pair { remote: at, ..question.pair },
                (None, _) => return false,
            };
            question.asked > 0 && question.transaction == transaction && expected == pair
        };
        let at = self.questions.iter().position(asked)?;
        let Question { purpose, .. } = self.questions.remove(at);
        let Some(answer) = answer else {
            return Some(Answered { purpose, sample: None, refused: true, other: None });
        };
        let mapped = canonical(answer.mapped);
        let sample = Some(Sample { socket: pair.local, via: pair.remote, mapped });
        Some(Answered { purpose, sample, refused: false, other: answer.other })
    }

    /// The next request that is due, or the next question that is given up.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Result<Transmit, Answered<T>>> {
        let at = self.questions.iter().position(|question| question.next_at <= now)?;
        let question = self.questions.get_mut(at)?;
        let Some(&gap) = GAPS.get(question.asked) else {
            let Question { purpose, .. } = self.questions.remove(at);
            return Some(Err(Answered { purpose, sample: None, refused: false, other: None }));
        };
        question.asked += 1;
        question.next_at = now + gap;
        let Question { transaction, pair, way, .. } = *question;
        let (pair, request) = match way {
            Way::Straight => (pair, stun::request(transaction, Change::default())),
            Way::To(from, port) => {
                (Pair { local: from, ..pair }, stun::request_for_port(transaction, port))
            }
            Way::Across(at) => {
                let change = Change { ip: false, port: true };
                (Pair { remote: at, ..pair }, stun::request(transaction, change))
            }
        };
        Some(Ok(pair.transmit(None, request)))
    }

    /// When [`Self::poll`] has something next.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.questions.iter().map(|question| question.next_at).min()
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::stun::{Answer, Request};

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn pair() -> Pair {
        Pair { local: SocketId(3), remote: "203.0.113.10:3478".parse().expect("address") }
    }

    fn asking(now: Instant) -> Stun<char> {
        let mut stun = Stun::default();
        stun.ask(now, pair(), 'a', &mut Random::from_seed([1; 32]));
        stun
    }

    fn answer(request: &[u8]) -> Vec<u8> {
        let mapped = "192.0.2.1:5000".parse().expect("address");
        let answer = Answer { mapped, origin: None, other: None };
        Request::parse(request).expect("a request").succeed(&answer).expect("an answer")
    }

    #[test]
    fn a_question_is_asked_three_times_and_then_given_up() {
        let now = start();
        let mut stun = asking(now);
        let (mut sent, mut at) = (Vec::new(), now);
        loop {
            match stun.poll(at) {
                Some(Ok(transmit)) => sent.push(transmit),
                Some(Err(answered)) => {
                    assert_eq!((answered.purpose, answered.sample), ('a', None));
                    break;
                }
                None => at = stun.timeout().expect("it waits for something"),
            }
        }
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|transmit| *transmit == sent[0]), "one transaction");
        assert_eq!(at - now, GAPS.iter().sum::<Duration>());
        assert_eq!(stun.timeout(), None);
    }

    #[test]
    fn an_answer_that_was_asked_for_across_comes_from_there_and_a_refusal_from_who_was_asked() {
        let now = start();
        let (first, second) = (pair().remote, "203.0.113.10:3479".parse().expect("address"));
        let across = Pair { remote: second, ..pair() };
        let mut stun = Stun::default();
        for purpose in ['a', 'b'] {
            let mut random = Random::from_seed([purpose as u8; 32]);
            stun.ask_across(now, first, across, purpose, &mut random);
        }
        let mut request = || match stun.poll(now) {
            Some(Ok(request)) => request,
            other => panic!("{other:?}"),
        };
        let (one, other) = (request(), request());
        assert_eq!((one.to, other.to), (first, first), "nothing is sent across");
        let answer = answer(&one.payload);
        assert_eq!(stun.handle(pair(), &answer), None, "it says nothing about the filter");
        let answered = stun.handle(across, &answer).expect("ours");
        assert!(answered.purpose == 'a' && answered.sample.is_some() && !answered.refused);
        let refusal = Request::parse(&other.payload).and_then(|asked| asked.refuse());
        let refusal = refusal.expect("an error");
        assert_eq!(stun.handle(across, &refusal), None);
        let answered = stun.handle(pair(), &refusal).expect("ours");
        assert!(answered.purpose == 'b' && answered.sample.is_none() && answered.refused);
    }

    #[test]
    fn only_the_answer_from_whom_was_asked_where_it_was_asked_counts_and_once() {
        let now = start();
        let mut stun = asking(now);
        let Some(Ok(request)) = stun.poll(now) else { panic!("a request") };
        let answer = answer(&request.payload);
        let elsewhere = "203.0.113.11:3478".parse().expect("address");
        assert_eq!(stun.handle(Pair { remote: elsewhere, ..pair() }, &answer), None);
        assert_eq!(stun.handle(Pair { local: SocketId::FIRST, ..pair() }, &answer), None);
        let mut other = answer.clone();
        other[8] ^= 1;
        assert_eq!(stun.handle(pair(), &other), None);
        let answered = stun.handle(pair(), &answer).expect("ours");
        let sample = answered.sample.expect("an answer");
        assert_eq!((sample.socket, sample.mapped.port()), (SocketId(3), 5000));
        assert_eq!(stun.handle(pair(), &answer), None);
    }

    #[test]
    fn an_answer_to_another_socket_is_asked_for_from_ours_and_counts_only_there() {
        let now = start();
        let mut stun = Stun::default();
        stun.ask_from(now, (SocketId::FIRST, 6000), pair(), 'a', &mut Random::from_seed([1; 32]));
        let Some(Ok(request)) = stun.poll(now) else { panic!("a request") };
        assert_eq!((request.from, request.to), (SocketId::FIRST, pair().remote));
        let read = Request::parse(&request.payload).expect("a request");
        assert_eq!(read.response_port(), Some(6000));
        let answer = answer(&request.payload);
        assert_eq!(stun.handle(Pair { local: SocketId::FIRST, ..pair() }, &answer), None);
        assert!(stun.handle(pair(), &answer).is_some());
    }
}

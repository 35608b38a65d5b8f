//! What is asked over UDP, how often, and which datagram is the answer to what.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::VERSION;
use p2pchat_wire::address::canonical;
use p2pchat_wire::datagram::{Challenge, Datagram, Hello};
use p2pchat_wire::random::Random;
use p2pchat_wire::stun::{self, Answer, Change};

use crate::proto::SocketId;

/// After each time that a question is asked, how long its answer is waited for.
///
/// RFC 8489 §6.2.1 begins with 500 ms and asks seven times, half a minute in all; a person waits for
/// this, and what takes more than a second and a half is of no use to a chat either.
const GAPS: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(450), Duration::from_millis(800)];

/// What a question asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    /// Where do you see me? The answer is to come from there.
    Where(Change),
    /// Who are you? In a datagram of this many bytes that nobody on the way may cut in pieces.
    Who {
        /// At least [`HELLO_LEN`](p2pchat_wire::datagram::HELLO_LEN).
        length: usize,
    },
}

/// What came back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// Where the server sees us.
    Seen(Answer),
    /// The server has no such other socket to answer from (error 420).
    Refused,
    /// A rendezvous introduces itself.
    Challenge(Challenge),
    /// Nothing.
    Silence,
}

/// A question to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub(super) from: SocketId,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
struct Question<T> {
    purpose: T,
    ask: Ask,
    from: SocketId,
    to: SocketAddr,
    /// A STUN transaction has the first twelve.
    number: [u8; 16],
    asked: usize,
    asked_at: Instant,
    next_at: Instant,
}

/// The questions that wait for an answer.
#[derive(Debug)]
pub(super) struct Questions<T> {
    open: Vec<Question<T>>,
}

impl<T: Copy> Questions<T> {
    pub(super) fn new() -> Self {
        Self { open: Vec::new() }
    }

    /// Asks; the first datagram is due at once.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        purpose: T,
        ask: Ask,
        from: SocketId,
        to: SocketAddr,
        random: &mut Random,
    ) {
        let number = random.array();
        let question =
            Question { purpose, ask, from, to, number, asked: 0, asked_at: now, next_at: now };
        self.open.push(question);
    }

    /// A datagram arrived at a socket of ours. Returns what it answers, and how long that took.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<(T, Reply, Duration)> {
        let from = canonical(from);
        let (number, reply) = match bytes.first()? {
            0x00..=0x3f => match stun::response(bytes) {
                Some((transaction, answer)) => (transaction.to_vec(), Reply::Seen(answer)),
                None => (stun::refusal(bytes)?.to_vec(), Reply::Refused),
            },
            _ => match Datagram::parse(bytes) {
                Ok(Datagram::Challenge(challenge)) => {
                    (challenge.nonce.to_vec(), Reply::Challenge(challenge))
                }
                _ => return None,
            },
        };
        let at = self.open.iter().position(|question| {
            question.asked > 0
                && question.from == local
                && question.number.starts_with(&number)
                && question.is_answered_from(from)
        })?;
        let question = self.open.remove(at);
        Some((question.purpose, reply, now.saturating_duration_since(question.asked_at)))
    }

    /// Takes out the question that has just come back to us as it was sent.
    pub(super) fn take_own(&mut self, bytes: &[u8]) -> Option<T> {
        let own = |question: &Question<T>| question.asked > 0 && question.bytes() == bytes;
        let at = self.open.iter().position(own)?;
        Some(self.open.remove(at).purpose)
    }

    /// The next datagram that is due, or the next question that is given up.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Result<Due, T>> {
        let at = self.open.iter().position(|question| question.next_at <= now)?;
        let question = self.open.get_mut(at)?;
        let Some(&gap) = GAPS.get(question.asked) else {
            return Some(Err(self.open.remove(at).purpose));
        };
        question.asked += 1;
        question.asked_at = now;
        question.next_at = now + gap;
        Some(Ok(Due { from: question.from, to: question.to, bytes: question.bytes() }))
    }

    /// When [`Self::poll`] has something next.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.open.iter().map(|question| question.next_at).min()
    }

    /// Whether a question for which `which` holds is open.
    pub(super) fn any(&self, which: impl Fn(T) -> bool) -> bool {
        self.open.iter().any(|question| which(question.purpose))
    }
}

impl<T> Question<T> {
    /// An answer from another port or address than was asked is an answer only if that was the
    /// question. Which other one it is, the server decides; the number in it is proof enough.
    fn is_answered_from(&self, from: SocketAddr) -> bool {
        match self.ask {
            Ask::Where(Change { ip, port }) => {
                (ip || from.ip() == self.to.ip()) && (port || from.port() == self.to.port())
            }
            Ask::Who { .. } => from == self.to,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self.ask {
            Ask::Where(change) => {
                let mut transaction = [0; 12];
                transaction.copy_from_slice(&self.number[..12]);
                stun::request(transaction, change)
            }
            Ask::Who { length } => {
                let mut hello = Hello { version: VERSION, nonce: self.number }.encode();
                hello.resize(length.max(hello.len()), 0);
                hello
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::stun::Request;

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
        Instant::now()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    const PORT: Change = Change { ip: false, port: true };

    fn asking(now: Instant, ask: Ask) -> (Questions<char>, Due) {
        let mut questions = Questions::new();
        let mut random = Random::from_seed([1; 32]);
        questions.ask(now, 'a', ask, SocketId(3), address("203.0.113.10:3478"), &mut random);
        let Some(Ok(due)) = questions.poll(now) else { panic!("a datagram") };
        (questions, due)
    }

    fn seen(request: &[u8]) -> Vec<u8> {
        let mapped = address("192.0.2.1:5000");
        let answer = Answer { mapped, origin: None, other: None };
        Request::parse(request).expect("a request").succeed(&answer).expect("an answer")
    }

    #[test]
    fn a_question_is_asked_three_times_and_then_given_up() {
        let now = start();
        let (mut questions, first) = asking(now, Ask::Where(Change::default()));
        for _ in 0..2 {
            let at = questions.timeout().expect("it waits");
            assert_eq!(questions.poll(at), Some(Ok(first.clone())));
        }
        let at = questions.timeout().expect("it waits");
        assert_eq!(questions.poll(at), Some(Err('a')));
        assert_eq!((questions.timeout(), at - now), (None, GAPS.iter().sum::<Duration>()));
    }

    #[test]
    fn an_answer_comes_from_where_it_was_asked_of_to_the_socket_that_asked_and_counts_once() {
        let now = start();
        let (asked, next_port, elsewhere) =
            ("203.0.113.10:3478", "203.0.113.10:3479", "203.0.113.20:3479");
        for (ask, right, wrong) in [
            (Change::default(), asked, [next_port, elsewhere]),
            (PORT, next_port, [elsewhere, "203.0.113.20:3478"]),
        ] {
            let (mut questions, due) = asking(now, Ask::Where(ask));
            let answer = seen(&due.bytes);
            for wrong in wrong {
                assert_eq!(questions.handle(now, SocketId(3), address(wrong), &answer), None);
            }
            assert_eq!(questions.handle(now, SocketId(4), address(right), &answer), None);
            let later = now + Duration::from_millis(20);
            let Some(('a', Reply::Seen(answered), took)) =
                questions.handle(later, SocketId(3), address(right), &answer)
            else {
                panic!("an answer")
            };
            assert_eq!((answered.mapped.port(), took), (5000, Duration::from_millis(20)));
            assert_eq!(questions.handle(later, SocketId(3), address(right), &answer), None);
        }
    }

    #[test]
    fn a_server_without_another_socket_says_so() {
        let now = start();
        let (mut questions, due) = asking(now, Ask::Where(PORT));
        let refusal = Request::parse(&due.bytes).expect("a request").refuse().expect("an error");
        let found = questions.handle(now, SocketId(3), address("203.0.113.10:3478"), &refusal);
        assert!(matches!(found, Some(('a', Reply::Refused, _))), "{found:?}");
    }

    #[test]
    fn a_hello_has_the_length_that_is_to_be_tried() {
        let (_, due) = asking(start(), Ask::Who { length: 1472 });
        assert_eq!(due.bytes.len(), 1472);
        assert!(matches!(Datagram::parse(&due.bytes), Ok(Datagram::Hello(_))));
    }
}

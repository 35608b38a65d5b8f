//! From samples to a model.

use std::net::IpAddr;

use super::{Allocation, LOWEST_PORT, PortModel, Sample, Scope};
use crate::proto::SocketId;

/// New mappings that it takes to say anything about where the next one will be.
const MIN_PORTS: usize = 4;

/// Between two samples a few other hosts may take ports of a counting NAT. With more in between,
/// there is no telling where the next one will be.
const MAX_STRIDE: i32 = 128;

/// Ports are taken for those of a block if ports drawn from all would fall together as closely less
/// often than this.
const CHANCE: f64 = 0.001;

/// What `samples`, given in the order in which they were asked for, say about the NAT.
///
/// Whether a mapping is constant is seen from one socket's samples alone. Where new mappings go is
/// seen from all of them, in their order: the mappings of the oldest socket may be old, so they do
/// not count if the others suffice.
#[must_use]
pub fn infer(samples: &[Sample]) -> PortModel {
    let Some(scope) = scope(samples) else { return PortModel::Unknown };
    match scope {
        Dependence::None => PortModel::Constant,
        Dependence::On(scope) => {
            let oldest = samples.iter().map(|sample| sample.socket).min();
            let fresh = new_ports(samples, scope, |socket| Some(socket) != oldest);
            let ports = if fresh.len() >= MIN_PORTS {
                allocation(&fresh)
            } else {
                allocation(&new_ports(samples, scope, |_| true))
            };
            PortModel::Varying { scope, ports }
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dependence {
    None,
    On(Scope),
}

/// Compares each socket's samples with each other.
fn scope(samples: &[Sample]) -> Option<Dependence> {
    let mut found = None;
    for (at, one) in samples.iter().enumerate() {
        let others = samples.iter().skip(at + 1);
        for other in others.filter(|other| other.socket == one.socket && other.via != one.via) {
            let same_address = one.via.ip() == other.via.ip();
            match (one.mapped == other.mapped, same_address) {
                (false, true) => return Some(Dependence::On(Scope::Endpoint)),
                (false, false) => found = Some(Dependence::On(Scope::Address)),
                (true, _) => found = found.or(Some(Dependence::None)),
            }
        }
    }
    // Different towards two addresses, and nobody compared two ports of one: the stricter holds.
    let compared = |one: &Sample, other: &Sample| {
        one.socket == other.socket && one.via != other.via && one.via.ip() == other.via.ip()
    };
    let any_port_compared =
        samples.iter().any(|one| samples.iter().any(|other| compared(one, other)));
    match found {
        Some(Dependence::On(_)) if !any_port_compared => Some(Dependence::On(Scope::Endpoint)),
        found => found,
    }
}

/// The port of each mapping, in the order in which the mappings were made.
fn new_ports(samples: &[Sample], scope: Scope, of: impl Fn(SocketId) -> bool) -> Vec<u16> {
    let mut seen: Vec<(SocketId, IpAddr, Option<u16>)> = Vec::new();
    let mut ports = Vec::new();
    for sample in samples.iter().filter(|sample| of(sample.socket)) {
        let port = (scope == Scope::Endpoint).then(|| sample.via.port());
        let mapping = (sample.socket, sample.via.ip(), port);
        if !seen.contains(&mapping) {
            seen.push(mapping);
            ports.push(sample.mapped.port());
        }
    }
    ports
}

fn allocation(ports: &[u16]) -> Allocation {
    if ports.len() < MIN_PORTS {
        return Allocation::Unknown;
    }
    if let Some(sequential) = sequential(ports) {
        return sequential;
    }
    let (Some(&low), Some(&high)) = (ports.iter().min(), ports.iter().max()) else {
        return Allocation::Unknown;
    };
    let (span, count) = (f64::from(high - low), ports.len());
    let all = f64::from(u16::MAX - LOWEST_PORT);
    // The probability that `count` uniform draws fall into some stretch of this length.
    let exponent = i32::try_from(count - 1).unwrap_or(i32::MAX);
    let chance = f64::from(u32::try_from(count).unwrap_or(u32::MAX)) * (span / all).powi(exponent);
    if chance >= CHANCE {
        return Allocation::Uniform;
    }
    // The expected distance of the extremes of `count` draws from the ends that they come from.
    let margin = (high - low) / u16::try_from(count - 1).unwrap_or(u16::MAX);
    Allocation::Block {
        first: low.saturating_sub(margin).max(LOWEST_PORT.min(low)),
        last: high.saturating_add(margin),
    }
}

/// Ports that go one way by small multiples of one step.
fn sequential(ports: &[u16]) -> Option<Allocation> {
    let strides: Vec<i32> =
        ports.windows(2).map(|pair| i32::from(pair[1]) - i32::from(pair[0])).collect();
    let sign = strides.first()?.signum();
    if sign == 0 || strides.iter().any(|d| d.signum() != sign || d.abs() > MAX_STRIDE) {
        return None;
    }
    let step = strides.iter().fold(0, |divisor, stride| gcd(divisor, stride.abs()));
    let taken: i32 = strides.iter().map(|stride| stride.abs() / step - 1).sum();
    Some(Allocation::Sequential {
        step: i16::try_from(sign * step).ok()?,
        foreign: u16::try_from(taken).ok()?,
    })
}

fn gcd(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use p2pchat_wire::random::Random;
    use proptest::prelude::*;

    use super::*;

    const FIRST: &str = "203.0.113.10";
    const SECOND: &str = "203.0.113.20";

    fn sample(socket: u32, ip: &str, server: u16, port: u16) -> Sample {
        let endpoint = |ip: &str, port| SocketAddr::new(ip.parse().expect("address"), port);
        let mapped = endpoint("192.0.2.1", port);
        Sample { socket: SocketId(socket), via: endpoint(ip, server), mapped }
    }

    /// Three fresh sockets ask both ports of one address after the first socket has.
    fn survey(mut port: impl FnMut() -> u16) -> Vec<Sample> {
        let ask = |(socket, server)| sample(socket, FIRST, server, port());
        (0..4).flat_map(|socket| [(socket, 3478), (socket, 3479)]).map(ask).collect()
    }

    fn varying(scope: Scope, ports: Allocation) -> PortModel {
        PortModel::Varying { scope, ports }
    }

    #[test]
    fn nothing_and_a_single_answer_say_nothing() {
        assert_eq!(infer(&[]), PortModel::Unknown);
        assert_eq!(infer(&[sample(0, FIRST, 3478, 5)]), PortModel::Unknown);
        let two_sockets = [sample(0, FIRST, 3478, 5), sample(1, FIRST, 3478, 6)];
        assert_eq!(infer(&two_sockets), PortModel::Unknown);
    }

    #[test]
    fn one_port_towards_two_endpoints_is_constant() {
        let samples = [sample(0, FIRST, 3478, 5000), sample(0, FIRST, 3479, 5000)];
        assert_eq!(infer(&samples), PortModel::Constant);
    }

    #[test]
    fn another_port_towards_another_address_and_not_another_port_is_per_address() {
        let samples = [
            sample(0, FIRST, 3478, 5000),
            sample(0, FIRST, 3479, 5000),
            sample(0, SECOND, 3478, 7000),
        ];
        assert_eq!(infer(&samples), varying(Scope::Address, Allocation::Unknown));
        let unsure = [samples[0], samples[2]];
        assert_eq!(infer(&unsure), varying(Scope::Endpoint, Allocation::Unknown));
    }

    #[test]
    fn two_different_ports_vary_without_saying_how() {
        let samples = [sample(0, FIRST, 3478, 5000), sample(0, FIRST, 3479, 5001)];
        assert_eq!(infer(&samples), varying(Scope::Endpoint, Allocation::Unknown));
    }

    #[test]
    fn counting_up_or_down_by_any_step_is_sequential_and_others_ports_are_counted() {
        for (step, foreign) in [(1i16, 0u16), (2, 0), (-1, 0), (1, 6), (-4, 6)] {
            let mut next = 30_000i32;
            let mut asked = 0;
            let samples = survey(|| {
                asked += 1;
                // The first socket's were made long ago; somebody else takes ports in between.
                next += i32::from(step) * if asked == 3 { 500 } else { 1 };
                if asked > 3 && asked <= 6 {
                    next += i32::from(step) * i32::from(foreign / 3);
                }
                u16::try_from(next).expect("a port")
            });
            let ports = Allocation::Sequential { step, foreign };
            assert_eq!(infer(&samples), varying(Scope::Endpoint, ports), "{step} {foreign}");
        }
    }

    #[test]
    fn ports_that_keep_close_together_are_a_block_and_others_are_not() {
        for seed in 0..200 {
            let mut random = Random::from_seed([seed; 32]);
            let block = infer(&survey(|| 30_000 + random.below(1000) as u16));
            let PortModel::Varying { ports: Allocation::Block { first, last }, .. } = block else {
                panic!("{block} with seed {seed}");
            };
            assert!(first >= 29_500 && last <= 31_500 && first < last, "{first}-{last}");
        }
        let mut uniform = 0;
        for seed in 0..200 {
            let mut random = Random::from_seed([seed; 32]);
            let model = infer(&survey(|| 1024 + random.below(64_512) as u16));
            uniform += u32::from(model == varying(Scope::Endpoint, Allocation::Uniform));
        }
        assert!(uniform >= 198, "{uniform} of 200");
    }

    #[test]
    fn many_samples_find_the_ends_of_a_block() {
        for seed in 0..50 {
            let mut random = Random::from_seed([seed; 32]);
            let mut samples = survey(|| 30_000 + random.below(1000) as u16);
            samples.extend(
                (10..40)
                    .map(|socket| sample(socket, FIRST, 3478, 30_000 + random.below(1000) as u16)),
            );
            let PortModel::Varying { ports: Allocation::Block { first, last }, .. } =
                infer(&samples)
            else {
                panic!("no block with seed {seed}");
            };
            assert!(first.abs_diff(30_000) < 150 && last.abs_diff(30_999) < 150, "{first}-{last}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_answers_the_model_is_sane(
            answers in proptest::collection::vec((0u32..4, 0u8..2, 0u16..3, any::<u16>()), 0..40)
        ) {
            let samples: Vec<_> = answers
                .into_iter()
                .map(|(socket, ip, server, port)| sample(socket, [FIRST, SECOND][usize::from(ip)], server, port))
                .collect();
            prop_assert!(infer(&samples).is_sane());
        }
    }
}

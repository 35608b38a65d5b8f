//! The chances of guessing ports. All of them take counts and give a probability between 0 and 1.

/// That one of `probes` different ports out of `range` is one of `sockets` ports which a NAT has
/// drawn from the same range: 1 − ∏ (1 − sockets / (range − k)).
pub(crate) fn birthday(range: u32, sockets: u32, probes: u32) -> f64 {
    let mut missed = 1.0;
    for tried in 0..probes.min(range) {
        let left = f64::from(range - tried);
        missed *= (1.0 - f64::from(sockets) / left).max(0.0);
        if missed == 0.0 {
            break;
        }
    }
    1.0 - missed
}

/// That among `flows` of either side, each from a port out of that side's range to a port out of the
/// other's, some two are each other's way back: 1 − e^(−flows² / (range · range)).
pub(crate) fn scatter(ranges: (u32, u32), flows: u32) -> f64 {
    let (one, other) = (f64::from(ranges.0), f64::from(ranges.1));
    1.0 - (-f64::from(flows) * f64::from(flows) / (one * other).max(1.0)).exp()
}

/// That at most `allowed` foreign ports are taken between forecast and use, when `foreign` were
/// taken while the forecast was made, which takes about as long (Poisson). One half is added to what
/// was seen: nothing seen is not nothing there.
pub(crate) fn undisturbed(foreign: u16, allowed: u16) -> f64 {
    let expected = f64::from(foreign) + 0.5;
    let (mut term, mut sum) = ((-expected).exp(), 0.0);
    for taken in 0..=u32::from(allowed) {
        sum += term;
        term *= expected / f64::from(taken + 1);
    }
    sum.min(1.0)
}

/// A probability in thousandths, rounded.
pub(crate) fn permille(probability: f64) -> u16 {
    // Clamped before, so nothing is cut off but the fraction.
    (probability.clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::random::Random;
    use proptest::prelude::*;

    use super::*;

    const ALL: u32 = 64_512;

    #[test]
    fn the_known_figures_come_out() {
        let near = |found: f64, expected: f64| (found - expected).abs() < 0.005;
        assert!(near(birthday(ALL, 256, 1024), 0.983));
        assert!(near(birthday(ALL, 84, 700), 0.60));
        assert!(near(birthday(ALL, 256, 1750), 0.999));
        assert!(near(scatter((1000, 1000), 2048), 0.985));
        assert!(near(scatter((1000, 1000), 1024), 0.65));
        assert!(scatter((ALL, ALL), 2048) < 0.002);
        assert!(near(undisturbed(0, 0), 0.606) && undisturbed(0, 4) > 0.999);
        assert_eq!((permille(0.9834), permille(-1.0), permille(2.0)), (983, 0, 1000));
    }

    #[test]
    fn what_is_computed_is_what_happens() {
        let mut random = Random::from_seed([1; 32]);
        let mut draw = |count: u32, range: u32| -> Vec<u32> {
            (0..count).map(|_| random.below(range)).collect()
        };
        let (mut met, tries) = (0, 2000);
        for _ in 0..tries {
            let (open, probes) = (draw(20, 1000), draw(40, 1000));
            met += u32::from(probes.iter().any(|probe| open.contains(probe)));
        }
        let found = f64::from(met) / f64::from(tries);
        assert!((found - birthday(1000, 20, 40)).abs() < 0.04, "{found}");
        let mut met = 0;
        for _ in 0..tries {
            let (ours, theirs) = (draw(100, 100), draw(100, 100));
            let (to, from) = (draw(100, 100), draw(100, 100));
            met += u32::from(
                (0..100).any(|a| (0..100).any(|b| ours[a] == from[b] && to[a] == theirs[b])),
            );
        }
        let found = f64::from(met) / f64::from(tries);
        assert!((found - scatter((100, 100), 100)).abs() < 0.04, "{found}");
    }

    proptest! {
        #[test]
        fn every_probability_is_one_and_grows_with_the_effort(
            range in 1u32..65_536, other in 1u32..65_536, sockets in 0u32..300, probes in 0u32..1100,
            foreign in 0u16..200, allowed in 0u16..100
        ) {
            let pairs = [
                (birthday(range, sockets, probes), birthday(range, sockets + 1, probes + 1)),
                (scatter((range, other), probes), scatter((range, other), probes + 1)),
                (undisturbed(foreign, allowed), undisturbed(foreign, allowed + 1)),
            ];
            for (less, more) in pairs {
                prop_assert!((0.0..=1.0).contains(&less) && (0.0..=1.0).contains(&more));
                prop_assert!(less <= more + 1e-9);
            }
        }
    }
}

//! Medians of answers, and how they are printed.

use std::time::Duration;

use crate::pair::Answer;

/// A peer and what it has answered.
pub struct Row {
    pub name: &'static str,
    pub answers: Vec<Answer>,
    /// The figure that peers are compared by.
    pub median: f64,
}

impl Row {
    pub fn new(name: &'static str, answers: Vec<Answer>) -> Self {
        let median = spread(&answers, |answer| {
            if answer.times.is_empty() { throughput(answer) } else { quantile(answer, 50) }
        })[1];
        Self { name, answers, median }
    }
}

/// The least, the median and the most.
fn spread(answers: &[Answer], figure: impl Fn(&Answer) -> f64) -> [f64; 3] {
    let mut figures: Vec<f64> = answers.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    [at(0), at(figures.len() / 2), at(figures.len().saturating_sub(1))]
}

fn quantile(answer: &Answer, percent: usize) -> f64 {
    let at = answer.times.len() * percent / 100;
    answer.times.get(at).copied().unwrap_or(Duration::MAX).as_secs_f64() * 1e6
}

fn throughput(answer: &Answer) -> f64 {
    answer.bytes as f64 * 8.0 / answer.time.as_secs_f64() / 1e6
}

fn told([least, median, most]: [f64; 3], digits: usize) -> String {
    format!("{median:>9.digits$} [{least:.digits$}–{most:.digits$}]")
}

/// Lines, in microseconds.
pub fn times(answers: &[Answer]) -> String {
    let [half, most] = [50, 99].map(|percent| spread(answers, |answer| quantile(answer, percent)));
    format!("p50 {} µs   p99 {} µs", told(half, 1), told(most, 1))
}

/// Lines, in milliseconds.
pub fn milliseconds(answers: &[Answer]) -> String {
    let [half, most] =
        [50, 99].map(|percent| spread(answers, |answer| quantile(answer, percent) / 1e3));
    format!("p50 {} ms   p99 {} ms", told(half, 1), told(most, 1))
}

/// Bytes in bulk where the processor is the limit.
pub fn per_byte(answers: &[Answer]) -> String {
    let per = |time: Duration, answer: &Answer| time.as_secs_f64() * 1e9 / answer.bytes as f64;
    format!(
        "{} Mbit/s   sender {} ns/B   both {} ns/B",
        told(spread(answers, throughput), 0),
        told(spread(answers, |answer| per(answer.sender, answer)), 2),
        told(spread(answers, |answer| per(answer.both, answer)), 2),
    )
}

/// Bytes in bulk where the link is the limit.
pub fn rate(answers: &[Answer]) -> String {
    format!(
        "{} Mbit/s   {} bytes sent for each that arrived",
        told(spread(answers, throughput), 1),
        told(spread(answers, |answer| answer.wire as f64 / answer.bytes as f64), 2),
    )
}

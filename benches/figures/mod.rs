//! Durations that were measured, and how they are told.

#![allow(dead_code, reason = "each bench tells some of it")]
#![allow(clippy::print_stdout, reason = "figures are what a bench is for")]

use std::time::Duration;

/// What was measured several times.
#[derive(Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The duration that this share of them does not exceed, from 0 to 1.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
    }

    /// A row for [`heading`].
    pub(crate) fn tell(&self, name: &str) {
        let [min, median, p99, max] = [0.0, 0.5, 0.99, 1.0].map(|share| ms(self.quantile(share)));
        println!("{name:<52} {min:>9} {median:>9} {p99:>9} {max:>9} {:>7}", self.0.len());
    }
}

/// The columns of [`Sample::tell`], in milliseconds, and how busy the machine is.
pub(crate) fn heading(title: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\n{title} (load {load} on {cores} cores)");
    let [min, median, p99, max, times] = ["min", "median", "p99", "max", "times"];
    println!("{:<52} {min:>9} {median:>9} {p99:>9} {max:>9} {times:>7}", "milliseconds");
}

fn ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

/// The processor time of a process so far, of the threads that it has now; of this thread alone
/// where there is no process.
pub(crate) fn processor_time(process: Option<i32>) -> Duration {
    let of = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let first = text.split(' ').next().and_then(|field| field.parse().ok());
        Duration::from_nanos(first.unwrap_or(0))
    };
    let Some(process) = process else { return of("/proc/thread-self".as_ref()) };
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    tasks.flatten().map(|task| of(&task.path())).sum()
}

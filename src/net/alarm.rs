//! One timer for a deadline that moves all the time.

use std::future::pending;
use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

use super::driver::now;

/// A timer that is set when it must ring earlier than it would, and not when it may ring later: with every
/// packet the next deadline is another one, and setting a timer costs as much as reading a packet.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it rings, if it is set.
    at: Option<Instant>,
}

impl Alarm {
    /// Waits until `deadline`; for ever without one. May be given up and called again.
    pub(super) async fn ring(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return pending().await };
        let mut first = true;
        // It may ring for a deadline that has moved since.
        while std::mem::take(&mut first) || now() < deadline {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
            if self.at.is_none_or(|at| deadline < at) {
                sleep.as_mut().reset(deadline.into());
                self.at = Some(deadline);
            }
            sleep.as_mut().await;
            self.at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_newest_deadline_whether_that_is_earlier_or_later() {
        let mut alarm = Alarm::default();
        let after = |time| now() + Duration::from_millis(time);
        for deadline in [Some(after(90_000)), Some(after(60_000)), None, Some(after(80_000))] {
            assert!(timeout(Duration::ZERO, alarm.ring(deadline)).await.is_err());
        }
        for time in [1, 3, 0] {
            let deadline = after(time);
            alarm.ring(Some(deadline)).await;
            assert!(now() >= deadline);
        }
    }
}

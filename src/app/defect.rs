//! What becomes of the program when it finds a fault in itself.

use std::{panic, process};

use crate::chat::ExitCode;

/// From now on a panic in any thread ends the process with [`ExitCode::Internal`], behind its message.
///
/// Whatever goes on without the thread that had the fault is half a program: a network that nobody
/// drives, or a screen that no longer moves. What was queued or received is on the disk, as after a
/// power cut. To be called before a terminal is taken, so that it is given back before the message.
pub fn end_on_panic() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |fault| {
        tell(fault);
        process::exit(ExitCode::Internal.code().into());
    }));
}

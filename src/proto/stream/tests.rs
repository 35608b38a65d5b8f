//! Streams as a session uses them.

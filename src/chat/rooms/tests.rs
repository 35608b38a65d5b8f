//! Members with disks that crash and sessions that break, in virtual time.

mod convergence;
mod hostility;
mod joining;
mod world;

//! The real program with real sockets on loopback and real files, as people and scripts run it.

mod chatting;
mod crashes;
mod demo;
mod disks;
mod failures;
mod finding;
mod members;
mod pipes;
mod program;

//! Tests the real program with real sockets on loopback and real files.

mod asking;
mod backups;
mod bounds;
mod chatting;
mod crashes;
mod demo;
mod disks;
mod doctor;
mod failures;
mod finding;
mod handing;
mod looking;
mod members;
mod metrics;
mod moderation;
mod pipes;
mod program;
mod sealed;
mod settings;
mod topics;

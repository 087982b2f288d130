//! Tests the real program with real sockets on loopback and real files.

mod backups;
mod crashes;
mod demo;
mod discovery;
mod disk_faults;
mod doctor;
mod failures;
mod handover;
mod inspecting;
mod line_mode;
mod lost_files;
mod members;
mod metrics;
mod moderation;
mod pipe;
mod program;
mod queries;
mod quotas;
mod seeders;
mod settings;
mod topics;

//! Tracks the progress of discovery, step by step.
//!
//! Rule: programs get every step. People get only steps with news.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use multifeed_core::Role;
use multifeed_tcp::NodeEvent;
use multifeed_tcp::discovery::{Origin, Step};

use crate::lines;

/// One step of discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The kind of discovery: `lan`, `dht`, or `tcp` for dialled addresses.
    pub via: String,
    /// The name of the step.
    pub step: &'static str,
    /// The number of nodes, peers or attempts.
    pub count: Option<u64>,
    /// The address that is dialled.
    pub addr: Option<SocketAddr>,
    /// Why it failed.
    pub why: Option<String>,
    /// Whether people see it.
    pub is_new: bool,
}

/// The last report of each step, so that nothing is reported twice.
#[derive(Debug, Default)]
pub(super) struct DiscoveryStatus(BTreeMap<(Origin, &'static str), Stage>);

impl Stage {
    /// Returns the line to show to people.
    pub fn text(&self) -> String {
        let (via, count) = (&self.via, self.count.unwrap_or(0));
        match (self.step, &self.why) {
            ("bootstrapped", _) if count == 1 => format!("{via}: connected, 1 node known"),
            ("bootstrapped", _) => format!("{via}: connected, {count} nodes known"),
            ("announced", _) => format!("{via}: announced"),
            ("looking", _) => format!("{via}: searching for members"),
            ("found", _) if count == 0 => format!("{via}: no other member found yet"),
            ("found", _) if count == 1 => format!("{via}: found 1 peer"),
            ("found", _) => format!("{via}: found {count} peers"),
            ("failed", Some(why)) => format!("{via}: {why}"),
            (step, Some(why)) => format!("{via}: {step}: {why}"),
            (step, None) => format!("{via}: {step}"),
        }
    }

    /// Returns the JSON line for programs.
    pub fn line(&self) -> lines::Line {
        let Self { via, step, count, addr, why, .. } = self.clone();
        lines::Event::Net { via, step, count, addr, why }.into()
    }
}

impl DiscoveryStatus {
    /// Returns the discovery step of an event, if it is one.
    pub(super) fn on_event(&mut self, event: &NodeEvent) -> Option<Stage> {
        match event {
            NodeEvent::Discovery { origin, step } => Some(self.step(*origin, step)),
            NodeEvent::Dialling { addr, attempt } => {
                Some(Stage { count: Some(u64::from(*attempt)), ..dial_stage("dialling", *addr) })
            }
            NodeEvent::Connected { addr, role: Role::Initiator, .. } => {
                Some(dial_stage("connected", *addr))
            }
            NodeEvent::DialFailed { addr, reason, .. } => {
                Some(Stage { why: Some(reason.to_string()), ..dial_stage("unreachable", *addr) })
            }
            NodeEvent::Disconnected { addr, reason, .. } => Some(Stage {
                why: Some(super::reason::disconnect_text(reason)),
                ..dial_stage("ended", *addr)
            }),
            _ => None,
        }
    }

    fn step(&mut self, origin: Origin, step: &Step) -> Stage {
        let count = |number: &usize| (Some(*number as u64), None);
        let (name, (count, why)) = match step {
            Step::Bootstrapped { nodes, .. } => ("bootstrapped", count(nodes)),
            Step::Announced { addresses } => ("announced", count(&addresses.len())),
            Step::Searching => ("looking", (None, None)),
            Step::Found { peers } => ("found", count(peers)),
            Step::Failed(failure) => ("failed", (None, Some(failure.to_string()))),
            _ => ("other", (None, None)),
        };
        let via = origin.to_string();
        let mut stage = Stage { via, step: name, count, addr: None, why, is_new: true };
        let before = self.0.insert((origin, name), stage.clone());
        stage.is_new = before.as_ref() != Some(&stage);
        stage
    }
}

fn dial_stage(step: &'static str, addr: SocketAddr) -> Stage {
    let (count, why) = (None, None);
    Stage { via: "tcp".into(), step, count, addr: Some(addr), why, is_new: false }
}

#[cfg(test)]
mod tests;

//! How far the search for others is, rung by rung.
//!
//! Rule: programs get every rung. People get those that tell them something new.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use multifeed_core::Role;
use multifeed_tcp::NodeEvent;
use multifeed_tcp::discovery::{Origin, Step};

use crate::lines;

/// One rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// How others are found there: `lan`, `dht`, or `tcp` for what is dialled.
    pub via: String,
    /// What it is.
    pub step: &'static str,
    /// How many nodes, peers or attempts it counts.
    pub count: Option<u64>,
    /// Whom it is about.
    pub addr: Option<SocketAddr>,
    /// What went wrong.
    pub why: Option<String>,
    /// Whether people are told.
    pub is_new: bool,
}

/// What was told of each source, so that nothing is told twice.
#[derive(Debug, Default)]
pub(super) struct DiscoveryStatus(BTreeMap<(Origin, &'static str), Stage>);

impl Stage {
    /// For people: one line.
    pub fn text(&self) -> String {
        let (via, count) = (&self.via, self.count.unwrap_or(0));
        match (self.step, &self.why) {
            ("bootstrapped", _) => format!("{via}: entered, {count} nodes known"),
            ("announced", _) => format!("{via}: others can find you"),
            ("looking", _) => format!("{via}: looking for others"),
            ("found", _) if count == 0 => format!("{via}: nobody else is here yet"),
            ("found", _) => format!("{via}: found {count}"),
            (step, Some(why)) => format!("{via}: {step}: {why}"),
            (step, None) => format!("{via}: {step}"),
        }
    }

    /// For programs.
    pub fn line(&self) -> lines::Line {
        let Self { via, step, count, addr, why, .. } = self.clone();
        lines::Event::Net { via, step, count, addr, why }.into()
    }
}

impl DiscoveryStatus {
    /// The rung that an event is, if it is one.
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
            Step::Looking => ("looking", (None, None)),
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

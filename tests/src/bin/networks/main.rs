//! Peers on separate hosts: how fast they connect, and how fast they recover from kills, unplugged
//! cables, partitions and new addresses. `cargo run --release -p multifeed-tests --bin networks --
//! [--short] [--runs 50] [--strict]`.
//!
//! Rule: every peer is a process and, where the system permits, a host in its own network
//! namespace. Otherwise all are on loopback, and the program says what it leaves out. Exceeded time
//! bounds fail only with `--strict`.

mod cases;
mod crowd;
mod figure;
mod fleet;
mod hosts;
mod peer;

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use multifeed_tests::exit_code;

use figure::Figures;
use hosts::Hosts;

/// Any error ends the program.
type Failure = Box<dyn Error>;

/// Measures how peers find each other on failing networks.
#[derive(Parser)]
#[command(name = "networks")]
struct Arguments {
    /// Only what takes less than ten seconds.
    #[arg(long)]
    short: bool,
    /// How often five peers are started together.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Only these: mesh, lan, routed, restart, frozen, address, link, partition, crowd.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Exceeded time bounds fail too.
    #[arg(long)]
    strict: bool,
    /// Use loopback even if namespaces are available.
    #[arg(long)]
    loopback: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The kinds of child processes.
#[derive(Subcommand)]
#[command(hide = true)]
enum Part {
    /// A DHT of three nodes.
    Dht { entry: SocketAddrV4 },
    /// A peer that listens there and looks for others on the DHT or the local network.
    Peer {
        seed: u8,
        listen: SocketAddrV4,
        entry: Option<SocketAddrV4>,
        advertise: Option<SocketAddrV4>,
    },
    /// This many peers in one process on loopback, with their own DHT.
    Crowd { count: usize },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(Part::Dht { entry }) => peer::run(peer::dht(entry)).map(|()| true),
        Some(Part::Peer { seed, listen, entry, advertise }) => {
            peer::run(peer::peer(seed, listen, entry, advertise)).map(|()| true)
        }
        Some(Part::Crowd { count }) => peer::run(crowd::crowd(count)).map(|()| true),
        None => measure(&arguments),
    };
    exit_code(done)
}

fn measure(arguments: &Arguments) -> Result<bool, Failure> {
    let hosts = if arguments.loopback { Err("--loopback".into()) } else { Hosts::in_namespaces() };
    let hosts = hosts.unwrap_or_else(|why| {
        let _ = writeln!(io::stdout(), "on loopback, where no cable can be unplugged: {why}");
        Hosts::on_loopback()
    });
    let mut figures = Figures::new(arguments.strict);
    for case in cases::ALL {
        let is_named = arguments.only.iter().any(|name| name == case.name);
        let is_wanted =
            if arguments.only.is_empty() { case.is_short || !arguments.short } else { is_named };
        if !is_wanted {
            continue;
        }
        if case.needs_links && !hosts.has_links() {
            figures.leave_out(case.name)?;
            continue;
        }
        let runs = if case.name == "mesh" { arguments.runs } else { 1 };
        for _ in 0..runs {
            (case.run)(&hosts, &mut figures)?;
        }
    }
    figures.end()
}

/// Any port of an address.
fn any_port(ip: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(ip, 0)
}

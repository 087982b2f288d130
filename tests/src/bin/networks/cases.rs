//! Events in a network of five peers, and the time to recover.

use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::crowd;
use crate::figure::Figures;
use crate::fleet::Fleet;
use crate::hosts::{COUNT, Hosts};

/// One kind of event.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Takes less than ten seconds.
    pub(crate) is_short: bool,
    pub(crate) needs_links: bool,
    pub(crate) run: fn(&Hosts, &mut Figures) -> Result<(), Failure>,
}

/// All of them.
pub(crate) const ALL: [Case; 9] = [
    Case { name: "mesh", is_short: true, needs_links: false, run: mesh },
    Case { name: "lan", is_short: true, needs_links: true, run: lan },
    Case { name: "routed", is_short: true, needs_links: true, run: routed },
    Case { name: "restart", is_short: true, needs_links: false, run: restart },
    Case { name: "frozen", is_short: false, needs_links: false, run: frozen },
    Case { name: "address", is_short: false, needs_links: true, run: address },
    Case { name: "link", is_short: false, needs_links: true, run: link },
    Case { name: "partition", is_short: false, needs_links: true, run: partition },
    Case { name: "crowd", is_short: false, needs_links: false, run: crowd::run },
];

const ALL_OTHERS: usize = COUNT as usize - 1;

/// The affected peer, and the peers that must notice.
const VICTIM: u8 = 2;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn meshed(hosts: &Hosts) -> Result<Fleet<'_>, Failure> {
    let mut fleet = Fleet::with_dht(hosts)?;
    fleet.start(COUNT)?;
    fleet.until_peers(ALL_OTHERS, &[])?;
    Ok(fleet)
}

fn mesh(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = Fleet::with_dht(hosts)?;
    fleet.start(COUNT)?;
    let took = fleet.until_peers(ALL_OTHERS, &[])?;
    figures.time("mesh: five that start together are all connected after", took, seconds(3))?;
    Ok(())
}

fn lan(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = Fleet::on_a_lan(hosts);
    fleet.start(2)?;
    fleet.get(0)?.append()?;
    let took = fleet.until_blocks(1)?;
    figures.time(
        "lan: by multicast DNS alone, the first block is there after",
        took,
        seconds(5),
    )?;
    Ok(())
}

/// The port at which the peer in another network listens.
const ROUTED_PORT: u16 = 4_977;

/// Two private networks with a router between them, as of an office and a VPN.
fn routed(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let ip = hosts.route(VICTIM)?;
    let mut fleet = Fleet::with_dht(hosts)?;
    fleet.start_advertised(VICTIM, SocketAddrV4::new(ip, ROUTED_PORT))?;
    fleet.start_one(0)?;
    let took = fleet.until_peers(1, &[])?;
    hosts.restore(VICTIM)?;
    figures.time("routed: one that advertises its address is found after", took, seconds(10))?;
    Ok(())
}

fn restart(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = meshed(hosts)?;
    fleet.kill(VICTIM);
    let took = fleet.until_peers(ALL_OTHERS - 1, &[])?;
    figures.time("restart: a killed one is missed after", took, seconds(20))?;
    fleet.restart(VICTIM)?;
    let took = fleet.until_peers(ALL_OTHERS, &[])?;
    figures.time("restart: it is back after", took, seconds(3))?;
    Ok(())
}

fn frozen(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = meshed(hosts)?;
    fleet.get(VICTIM)?.signal("-STOP")?;
    let took = fleet.until_peers(ALL_OTHERS - 1, &[VICTIM])?;
    figures.time("frozen: one that is stopped is dropped after", took, seconds(20))?;
    fleet.get(VICTIM)?.signal("-CONT")?;
    let took = fleet.until_peers(ALL_OTHERS, &[])?;
    figures.time("frozen: one that goes on is back after", took, seconds(10))?;
    Ok(())
}

/// Waits until all hold this many blocks and are connected. Returns how long the former took.
fn converge(fleet: &mut Fleet<'_>, blocks: u64) -> Result<Duration, Failure> {
    let took = fleet.until_blocks(blocks)?;
    fleet.until_peers(ALL_OTHERS, &[])?;
    Ok(took)
}

fn append_everywhere(fleet: &mut Fleet<'_>) -> Result<(), Failure> {
    (0..COUNT).try_for_each(|host| fleet.get(host)?.append())
}

fn address(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = meshed(hosts)?;
    hosts.renumber(VICTIM)?;
    append_everywhere(&mut fleet)?;
    let took = converge(&mut fleet, COUNT.into())?;
    // The next case starts with the network restored.
    hosts.restore(VICTIM)?;
    figures.time("address: at a new one, all is there after", took, seconds(30))?;
    Ok(())
}

fn link(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = meshed(hosts)?;
    hosts.set_link(VICTIM, "down")?;
    append_everywhere(&mut fleet)?;
    thread::sleep(seconds(30));
    hosts.set_link(VICTIM, "up")?;
    let took = converge(&mut fleet, COUNT.into())?;
    figures.time("link: after 30 s without a cable, all is there after", took, seconds(10))?;
    Ok(())
}

fn partition(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let mut fleet = meshed(hosts)?;
    hosts.set_cable("down")?;
    append_everywhere(&mut fleet)?;
    thread::sleep(seconds(60));
    let left = fleet.get(0)?.state().map(|state| state.peers);
    if left != Some(1) {
        return Err(format!("the network was not partitioned: {left:?}").into());
    }
    hosts.set_cable("up")?;
    let took = converge(&mut fleet, COUNT.into())?;
    figures.time("partition: 60 s apart, all is everywhere after", took, seconds(10))?;
    Ok(())
}

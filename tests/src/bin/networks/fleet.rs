//! The processes, seen from outside.
//!
//! Rule: a process prints its state as lines of JSON and reads commands as lines.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::hosts::Hosts;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is checked.
const LOOK: Duration = Duration::from_millis(5);

/// The state of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Connected members; the maximum over its nodes.
    pub(crate) peers: usize,
    /// Blocks held; the minimum over its nodes.
    pub(crate) blocks: u64,
}

/// One process.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    state: Arc<Mutex<Option<State>>>,
}

impl Process {
    pub(crate) fn start(hosts: &Hosts, host: u8, arguments: &[String]) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let mut command = hosts.command(host, program.to_str().ok_or("a strange path")?);
        let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let orders = child.stdin.take().ok_or("a child without input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("a child without output")?).lines();
        let state = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(state) = serde_json::from_str(&line) {
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
                }
            }
        });
        Ok(Self { child, orders, state })
    }

    /// The last state that it printed.
    pub(crate) fn state(&self) -> Option<State> {
        let state: MutexGuard<'_, _> = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state
    }

    /// Lets it append a block.
    pub(crate) fn append(&mut self) -> Result<(), Failure> {
        writeln!(self.orders, "append")?;
        Ok(())
    }

    /// Stops or resumes it at any point.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), Failure> {
        let status = Command::new("kill").args([signal, &self.id()]).status()?;
        if status.success() { Ok(()) } else { Err("kill failed".into()) }
    }

    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Process {
    /// It cannot close its connections first.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition. Returns how long it took.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) -> Result<Duration, Failure> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return Err(format!("timed out waiting for: {what}").into());
        }
        thread::sleep(LOOK);
    }
    Ok(start.elapsed())
}

/// Five peers and their DHT, each on its own host.
pub(crate) struct Fleet<'a> {
    hosts: &'a Hosts,
    entry: Option<SocketAddrV4>,
    peers: Vec<Option<Process>>,
    _dht: Option<Process>,
}

impl<'a> Fleet<'a> {
    /// Starts a DHT without a peer.
    pub(crate) fn with_dht(hosts: &'a Hosts) -> Result<Self, Failure> {
        // The usual port may be in use on this machine, but not in a namespace.
        let port = UdpSocket::bind(crate::any_port(Ipv4Addr::LOCALHOST))?.local_addr()?.port();
        let entry = SocketAddrV4::new(hosts.ip(hosts.dht()), port);
        let dht = Process::start(hosts, hosts.dht(), &["dht".into(), entry.to_string()])?;
        until("the DHT is there", || dht.state().is_some())?;
        Ok(Self { hosts, entry: Some(entry), peers: Vec::new(), _dht: Some(dht) })
    }

    /// Peers with only their local network.
    pub(crate) fn on_a_lan(hosts: &'a Hosts) -> Self {
        Self { hosts, entry: None, peers: Vec::new(), _dht: None }
    }

    /// Starts this many peers at the same time.
    pub(crate) fn start(&mut self, count: u8) -> Result<(), Failure> {
        for host in 0..count {
            let peer = self.peer(host)?;
            self.peers.push(Some(peer));
        }
        Ok(())
    }

    /// Starts the peer of one host.
    pub(crate) fn start_one(&mut self, host: u8) -> Result<(), Failure> {
        let peer = self.peer(host)?;
        self.peers.push(Some(peer));
        Ok(())
    }

    /// Starts the peer of one host, which listens there and advertises this address.
    pub(crate) fn start_advertised(&mut self, host: u8, at: SocketAddrV4) -> Result<(), Failure> {
        let listen = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, at.port());
        let entry = self.entry.ok_or("no DHT")?;
        let words = [listen.to_string(), entry.to_string(), at.to_string()];
        let arguments: Vec<_> =
            ["peer".into(), host.to_string()].into_iter().chain(words).collect();
        self.peers.push(Some(Process::start(self.hosts, host, &arguments)?));
        Ok(())
    }

    /// Kills a peer.
    pub(crate) fn kill(&mut self, host: u8) {
        self.peers[usize::from(host)] = None;
    }

    /// Starts a killed peer again, with the same key at another port.
    pub(crate) fn restart(&mut self, host: u8) -> Result<(), Failure> {
        self.peers[usize::from(host)] = Some(self.peer(host)?);
        Ok(())
    }

    pub(crate) fn get(&mut self, host: u8) -> Result<&mut Process, Failure> {
        self.peers[usize::from(host)].as_mut().ok_or_else(|| "it was killed".into())
    }

    /// Waits until each peer except those has this many others.
    pub(crate) fn until_peers(&self, count: usize, but: &[u8]) -> Result<Duration, Failure> {
        let others = (0_u8..).zip(&self.peers).filter(|(host, _)| !but.contains(host));
        let others: Vec<_> = others.filter_map(|(_, peer)| peer.as_ref()).collect();
        until(&format!("all have {count} peers"), || {
            others.iter().all(|peer| peer.state().is_some_and(|state| state.peers == count))
        })
    }

    /// Waits until all hold this many blocks.
    pub(crate) fn until_blocks(&self, count: u64) -> Result<Duration, Failure> {
        let held = |peer: &Process| peer.state().is_some_and(|state| state.blocks == count);
        until(&format!("all hold {count} blocks"), || self.peers.iter().flatten().all(held))
    }

    fn peer(&self, host: u8) -> Result<Process, Failure> {
        let listen =
            if self.hosts.has_links() { Ipv4Addr::UNSPECIFIED } else { self.hosts.ip(host) };
        let listen = crate::any_port(listen).to_string();
        let mut arguments = vec!["peer".into(), host.to_string(), listen];
        arguments.extend(self.entry.map(|entry| entry.to_string()));
        Process::start(self.hosts, host, &arguments)
    }
}

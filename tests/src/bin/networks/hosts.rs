//! Hosts: network namespaces on two connected bridges, or loopback.
//!
//! ```text
//!   host 0 ─┐                        ┌─ host 2
//!   host 1 ─┤ bridge left ── cable ── bridge right ├─ host 3
//!   the DHT ┘                        └─ host 4
//! ```

use std::net::Ipv4Addr;
use std::process::Command;

use crate::Failure;

/// Hosts in addition to that of the DHT.
pub(crate) const COUNT: u8 = 5;

/// The bridge of a host: the DHT's, or the other.
const LEFT: [u8; 3] = [0, 1, COUNT];

/// Where processes run.
pub(crate) struct Hosts {
    /// Prefix of the namespaces' names; none on loopback.
    names: Option<String>,
}

impl Hosts {
    /// Creates the network.
    pub(crate) fn in_namespaces() -> Result<Self, Failure> {
        let hosts = Self { names: Some(format!("multifeed-{}", std::process::id())) };
        hosts.build()?;
        Ok(hosts)
    }

    pub(crate) fn on_loopback() -> Self {
        Self { names: None }
    }

    /// Whether a host has a cable that can be unplugged.
    pub(crate) fn has_links(&self) -> bool {
        self.names.is_some()
    }

    /// Where a host's processes listen.
    pub(crate) fn ip(&self, host: u8) -> Ipv4Addr {
        match self.names {
            Some(_) => Ipv4Addr::new(10, 77, 0, host + 1),
            None => Ipv4Addr::LOCALHOST,
        }
    }

    /// Where the DHT is.
    pub(crate) fn dht(&self) -> u8 {
        COUNT
    }

    /// A program on a host.
    pub(crate) fn command(&self, host: u8, program: &str) -> Command {
        let Some(name) = self.name(&host.to_string()) else { return Command::new(program) };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &name, program]);
        command
    }

    /// Unplugs or plugs the cable of one host.
    pub(crate) fn set_link(&self, host: u8, state: &str) -> Result<(), Failure> {
        self.ip_on(&host.to_string(), &["link", "set", "eth0", state])
    }

    /// Unplugs or plugs the cable between the bridges.
    pub(crate) fn set_cable(&self, state: &str) -> Result<(), Failure> {
        self.ip_on("hub", &["link", "set", "cable", state])
    }

    /// Gives a host another address instead of its own.
    pub(crate) fn renumber(&self, host: u8) -> Result<(), Failure> {
        self.set_address(host, Ipv4Addr::new(10, 77, 0, 100 + host))
    }

    /// Moves a host to another private network, which the DHT's host routes. Returns its address
    /// there.
    pub(crate) fn route(&self, host: u8) -> Result<Ipv4Addr, Failure> {
        let (network, ip) = ("10.78.0.0/24", Ipv4Addr::new(10, 78, 0, host + 1));
        let router = Ipv4Addr::new(10, 78, 0, 100);
        let gateway = self.ip(self.dht()).to_string();
        let dht = self.dht().to_string();
        self.ip_on(&dht, &["addr", "replace", &format!("{router}/24"), "dev", "eth0"])?;
        let forward = ["-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0"];
        let done = self.command(self.dht(), "sysctl").args(forward).status()?;
        if !done.success() {
            return Err("the host of the DHT cannot forward".into());
        }
        self.set_address(host, ip)?;
        self.ip_on(&host.to_string(), &["route", "add", "default", "via", &router.to_string()])?;
        for other in (0..COUNT).filter(|other| *other != host) {
            let to = ["route", "replace", network, "via", &gateway];
            self.ip_on(&other.to_string(), &to)?;
        }
        Ok(ip)
    }

    /// Restores its own address.
    pub(crate) fn restore(&self, host: u8) -> Result<(), Failure> {
        self.set_address(host, self.ip(host))
    }

    fn set_address(&self, host: u8, ip: Ipv4Addr) -> Result<(), Failure> {
        let name = host.to_string();
        self.ip_on(&name, &["addr", "flush", "dev", "eth0"])?;
        self.ip_on(&name, &["addr", "add", &format!("{ip}/24"), "dev", "eth0"])?;
        // Multicast needs a route too.
        self.ip_on(&name, &["route", "replace", "224.0.0.0/4", "dev", "eth0"])
    }

    fn build(&self) -> Result<(), Failure> {
        self.add("hub")?;
        self.ip_on("hub", &["link", "add", "cable", "type", "veth", "peer", "name", "end"])?;
        for (bridge, end) in [("left", "cable"), ("right", "end")] {
            self.ip_on("hub", &["link", "add", bridge, "type", "bridge"])?;
            self.ip_on("hub", &["link", "set", bridge, "up"])?;
            self.ip_on("hub", &["link", "set", end, "master", bridge, "up"])?;
        }
        for host in 0..=COUNT {
            let bridge = if LEFT.contains(&host) { "left" } else { "right" };
            self.add_host(host, bridge)?;
        }
        Ok(())
    }

    fn add_host(&self, host: u8, bridge: &str) -> Result<(), Failure> {
        let (name, port) = (host.to_string(), format!("port{host}"));
        self.add(&name)?;
        let namespace = self.name(&name).ok_or("no namespaces")?;
        let veth = ["link", "add", &port, "type", "veth", "peer", "name", "eth0"];
        self.ip_on("hub", &[&veth[..], &["netns", &namespace]].concat())?;
        self.ip_on("hub", &["link", "set", &port, "master", bridge, "up"])?;
        self.ip_on(&name, &["link", "set", "eth0", "up"])?;
        self.restore(host)
    }

    fn add(&self, name: &str) -> Result<(), Failure> {
        let namespace = self.name(name).ok_or("no namespaces")?;
        ip(&["netns", "add", &namespace])?;
        self.ip_on(name, &["link", "set", "lo", "up"])
    }

    fn ip_on(&self, name: &str, arguments: &[&str]) -> Result<(), Failure> {
        let namespace = self.name(name).ok_or("no namespaces")?;
        ip(&[&["-n", &namespace], arguments].concat())
    }

    fn name(&self, of: &str) -> Option<String> {
        Some(format!("{}-{of}", self.names.as_ref()?))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let hosts = (0..=COUNT).map(|host| host.to_string());
        for name in hosts.chain(["hub".into()]).filter_map(|name| self.name(&name)) {
            // A namespace that could not be created does not exist.
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", arguments.join(" "), words.trim()).into())
}

//! Two nodes of one group in one process: one appends blocks, the other reads them.

use std::error::Error;
use std::net::SocketAddr;

use multifeed_core::{Event, Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeEvent, NodeOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let group = Group::open("two nodes");
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));

    let ada =
        Node::open(NodeOptions::new(group.clone(), Tokio::current()?).listen(loopback)).await?;
    let feed = ada.writer("ada", KeyPair::from_seed(&[1; 32])).await?;
    ada.append(feed, vec![b"hello".to_vec(), b"world".to_vec()]).await?;

    let bob = Node::open(NodeOptions::new(group, Tokio::current()?)).await?;
    let mut events = bob.subscribe();
    bob.dial(ada.local_addrs().await?[0]).await?;
    while let Some(event) = events.next().await {
        if let NodeEvent::Multifeed(Event::Extended { feed, start, end, .. }) = event {
            for block in bob.read(feed, start..end).await? {
                writeln(&block)?;
            }
            if end == 2 {
                break;
            }
        }
    }
    bob.close().await;
    ada.close().await;
    Ok(())
}

fn writeln(line: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout();
    out.write_all(line)?;
    out.write_all(b"\n")
}

//! Many tasks that append to one feed of one node at the same time.
//!
//! Rule: each acknowledged append is there once, and those of a task are in order.

use std::collections::BTreeMap;
use std::error::Error;

use multifeed_core::KeyPair;
use multifeed_tcp::{Node, NodeOptions, runtime::Tokio};

use crate::figure::Figures;
use crate::target::group;

/// This many tasks append this often.
pub(crate) fn run(figures: &mut Figures, tasks: u64, each: u64) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(append(figures, tasks, each))
}

fn block(task: u64, number: u64) -> Vec<u8> {
    [task.to_le_bytes(), number.to_le_bytes()].concat()
}

async fn append(figures: &mut Figures, tasks: u64, each: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let options = NodeOptions::new(group(), Tokio::current()?).folder(folder.path());
    let node = Node::open(options).await?;
    let feed = node.writer("own", KeyPair::from_seed(&[1; 32])).await?;
    let running = (0..tasks).map(|task| {
        let node = node.clone();
        tokio::spawn(async move {
            let mut places = Vec::new();
            for number in 0..each {
                places.push(node.append(feed, vec![block(task, number)]).await?.start);
            }
            Ok::<_, multifeed_tcp::NodeError>(places)
        })
    });
    let mut acknowledged = BTreeMap::new();
    let (mut twice, mut unordered) = (0, 0);
    for (task, running) in running.collect::<Vec<_>>().into_iter().zip(0..) {
        let places = task.await??;
        unordered += i64::from(!places.is_sorted());
        for (place, number) in places.into_iter().zip(0..) {
            twice += i64::from(acknowledged.insert(place, block(running, number)).is_some());
        }
    }
    node.close().await;
    let options = NodeOptions::new(group(), Tokio::current()?).folder(folder.path());
    let node = Node::open(options).await?;
    let feed = node.feeds().await?.first().map(|feed| (feed.id, feed.length)).ok_or("no feed")?;
    let blocks = node.read(feed.0, 0..feed.1).await?;
    node.close().await;
    let is_there = |(place, block): &(&u64, &Vec<u8>)| {
        blocks.get(**place as usize).is_some_and(|found| found == *block)
    };
    let there = acknowledged.iter().filter(is_there).count() as i64;
    let name = |what| ("appends", what);
    let sent = (tasks * each) as i64;
    figures.count(name("acknowledged and not there"), sent - there, 0, "blocks")?;
    figures.count(name("acknowledged twice for one place"), twice, 0, "blocks")?;
    figures.count(name("tasks out of order"), unordered, 0, "tasks")?;
    let more = blocks.len() as i64 - sent;
    Ok(figures.count(name("blocks that nobody appended"), more, 0, "blocks")?)
}

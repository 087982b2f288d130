//! What happens in an open room.

use multifeed_core::Event;
use multifeed_tcp::NodeEvent;

use super::Session;
use crate::connections::{Change, Stop};
use crate::sanitize;

/// Whether there may be more to read after an event.
pub fn grows(event: &NodeEvent) -> bool {
    matches!(
        event,
        NodeEvent::Lagged(_)
            | NodeEvent::Multifeed(
                Event::Extended { .. } | Event::Appended { .. } | Event::FeedAdded { .. }
            )
    )
}

impl Session {
    /// The next thing that the node tells, and what that changed among the peers. `None` when the
    /// node has ended by itself, which only a broken store makes it do.
    pub async fn next(&mut self) -> Option<(NodeEvent, Option<Change>)> {
        let event = self.events.next().await?;
        if let NodeEvent::Lagged(_) = event
            && let Ok(peers) = self.node.peers().await
        {
            let peers: Vec<_> =
                peers.iter().map(|p| (p.connection, p.remote, p.is_synced)).collect();
            self.links.refresh(&peers);
        }
        let change = self.links.take(&event).filter(|change| match change {
            Change::Rung(rung) => rung.is_news || self.tells_all,
            _ => true,
        });
        let stopped = self.stopped(&event).await;
        Some((event, change.or(stopped)))
    }

    /// What an event says of an author of whom nothing more is taken.
    async fn stopped(&self, event: &NodeEvent) -> Option<Change> {
        let (key, why) = match event {
            NodeEvent::Multifeed(Event::Forked { feed }) => {
                (self.node.feed_of(*feed).await.ok()??.key, Stop::Forked)
            }
            NodeEvent::Multifeed(Event::Full { key, .. }) => (*key, Stop::Full),
            _ => return None,
        };
        // Of a feed that does not fit from its first block on, nothing is here.
        let nick = match self.node.feed(key).await.ok()? {
            Some(feed) => self.author_of(&feed).await.nick,
            None => sanitize::nick(""),
        };
        let (who, is_own) = (sanitize::author(nick.as_str(), &key.0), key == self.key);
        Some(Change::Stopped { key: key.0, who, is_own, why })
    }
}

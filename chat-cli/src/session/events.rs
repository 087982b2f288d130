//! Returns the events of an open room.

use multifeed_core::Event;
use multifeed_tcp::NodeEvent;

use super::Session;
use crate::connections::{Change, Stop};
use crate::sanitize;

/// Returns whether there may be new messages after an event.
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
    /// Returns the next event of the node, with the change among the peers if there is one.
    /// `None` if the node has stopped by itself, which happens only if the store fails.
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

    /// Converts an event that stops an author's feed.
    async fn stopped(&self, event: &NodeEvent) -> Option<Change> {
        let (key, why) = match event {
            NodeEvent::Multifeed(Event::Forked { feed }) => {
                (self.node.feed_of(*feed).await.ok()??.key, Stop::Forked)
            }
            NodeEvent::Multifeed(Event::Full { key, .. }) => (*key, Stop::Full),
            _ => return None,
        };
        // If a feed is over the limit from its first block on, nothing of it is stored.
        let nick = match self.node.feed(key).await.ok()? {
            Some(feed) => self.author_of(&feed).await.nick,
            None => sanitize::nick(""),
        };
        let (who, is_own) = (sanitize::author(nick.as_str(), &key.0), key == self.key);
        Some(Change::Stopped { key: key.0, who, is_own, why })
    }
}

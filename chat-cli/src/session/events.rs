//! What happens in an open room.

use multifeed_core::Event;
use multifeed_tcp::NodeEvent;

use super::Session;
use crate::connections::{ConnectedPeer, Notice, StopReason};
use crate::sanitize;

/// Whether there may be more to read after an event.
pub fn may_add_messages(event: &NodeEvent) -> bool {
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
    pub async fn next(&mut self) -> Option<(NodeEvent, Option<Notice>)> {
        let event = self.events.next().await?;
        if let NodeEvent::Lagged(_) = event
            && let Ok(peers) = self.node.peers().await
        {
            let peers: Vec<_> = (peers.iter())
                .map(|peer| ConnectedPeer {
                    connection: peer.connection,
                    remote: peer.remote,
                    is_synced: peer.is_synced,
                })
                .collect();
            self.connections.refresh(&peers);
        }
        let notice = self.connections.on_event(&event).filter(|notice| match notice {
            Notice::Stage(stage) => stage.is_new || self.reports_every_stage,
            _ => true,
        });
        let stop_notice = self.stop_notice(&event).await;
        Some((event, notice.or(stop_notice)))
    }

    /// What an event says of an author of whom nothing more is taken.
    async fn stop_notice(&self, event: &NodeEvent) -> Option<Notice> {
        let (key, why) = match event {
            NodeEvent::Multifeed(Event::Forked { feed }) => {
                (self.node.feed_of(*feed).await.ok()??.key, StopReason::Forked)
            }
            NodeEvent::Multifeed(Event::Full { key, .. }) => (*key, StopReason::Full),
            _ => return None,
        };
        // Of a feed that does not fit from its first block on, nothing is here.
        let nick = match self.node.feed(key).await.ok()? {
            Some(feed) => self.author_of(&feed).await.nick,
            None => sanitize::nick(""),
        };
        let (who, is_own) = (sanitize::author(nick.as_str(), &key.0), key == self.key);
        Some(Notice::Stopped { key: key.0, who, is_own, why })
    }
}

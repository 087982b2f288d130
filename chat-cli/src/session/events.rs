//! Returns the events of an open room.

use multifeed_core::Event;
use multifeed_tcp::NodeEvent;

use super::Session;
use crate::connections::{ConnectedPeer, Notice, StopReason};
use crate::sanitize;

/// Returns whether there may be new messages after an event.
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
    /// Returns the next event of the node, with the change among the peers if there is one.
    /// `None` if the node has stopped by itself, which happens only if the store fails.
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
        self.note_refusal(&event);
        let notice = self.connections.on_event(&event).filter(|notice| match notice {
            Notice::Stage(stage) => stage.is_new || self.reports_every_stage,
            _ => true,
        });
        let stop_notice = self.stop_notice(&event).await;
        Some((event, notice.or(stop_notice)))
    }

    /// Returns the peers that do not accept our feed, as far as they said so.
    pub fn refusers(&self) -> usize {
        self.refusers.len()
    }

    fn note_refusal(&mut self, event: &NodeEvent) {
        if let NodeEvent::Multifeed(Event::Refused { connection, feed, .. }) = event
            && *feed == self.feed
            && let Some((remote, _)) = self.connections.peer(*connection)
        {
            self.refusers.insert(remote);
        }
    }

    /// Converts an event that stops an author's feed.
    async fn stop_notice(&self, event: &NodeEvent) -> Option<Notice> {
        let (key, why) = match event {
            NodeEvent::Multifeed(Event::Forked { key, .. }) => (*key, StopReason::Forked),
            NodeEvent::Multifeed(Event::Contested { key, .. }) => (*key, StopReason::Contested),
            NodeEvent::Multifeed(Event::Full { key, .. }) => (*key, StopReason::Full),
            _ => return None,
        };
        // If a feed is over the limit from its first block on, nothing of it is stored.
        let nick = match self.node.feed(key).await.ok()? {
            Some(feed) => self.author_of(&feed).await.nick,
            None => sanitize::nick(""),
        };
        let (who, is_own) = (sanitize::author(nick.as_str(), &key.0), key == self.key);
        Some(Notice::Stopped { key: key.0, who, is_own, why })
    }
}

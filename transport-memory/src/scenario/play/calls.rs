//! What each call of a script does.
//!
//! Rule: an author never clears or removes its own feeds here, so every block exists somewhere and
//! every node that wants it can get it.

use multifeed_core::FeedKey;

use super::Play;
use crate::scenario::plan::Call;

impl Play<'_> {
    pub(super) fn call(&mut self, call: Call, pick: u64) {
        let place = (pick % self.nodes.len() as u64) as usize;
        let node = self.nodes[place];
        let Some(multifeed) = self.world.multifeed(node) else { return };
        let own = self.feeds.get(place);
        let others = self.feeds.iter().flatten();
        let others = others.filter(|key| !own.is_some_and(|own| own.contains(*key)));
        let is_fit = |key: &FeedKey| match call {
            Call::Accept => multifeed.is_refused(key),
            Call::Refuse => !multifeed.is_refused(key),
            _ => multifeed.find(key).is_some_and(|feed| feed.length > 0),
        };
        let others: Vec<FeedKey> = others.copied().filter(is_fit).collect();
        if others.is_empty() {
            return;
        }
        let feed = &others[((pick >> 8) % others.len() as u64) as usize];
        let length = multifeed.find(feed).map_or(1, |feed| feed.length.max(1));
        let start = (pick >> 16) % length;
        let blocks = start..start + 1 + (pick >> 32) % (length - start);
        let world = &mut self.world;
        // An application would see why a call is refused.
        _ = match call {
            Call::Get => world.get(node, feed, blocks),
            Call::Clear => world.clear(node, feed, blocks),
            Call::Download => world.download(node, feed, blocks),
            Call::Remove => world.remove(node, feed),
            Call::Refuse => world.refuse(node, feed),
            Call::Accept => world.accept(node, feed),
        };
    }
}

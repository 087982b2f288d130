//! Calls of the application, and their answers.
//!
//! Rule: a call is answered once: at once, or by the event of its request.

use std::net::SocketAddr;

use bytes::Bytes;
use multifeed_core::{Event, Misuse, RequestId, StoreFailure};

use super::Driver;
use crate::command::{Answer, Command};
use crate::error::NodeError;
use crate::listener::bind;
use crate::node::{Appended, FeedInfo};

/// A call that waits for an event.
pub(super) enum Open {
    Append(Answer<Appended>),
    Read(Answer<Vec<Bytes>>),
    /// A refusal, an acceptance or a removal, which resolves when it lasts.
    Rule(Answer<()>),
}

impl Driver {
    pub(super) fn call(&mut self, command: Command) {
        match command {
            Command::Writer { name, key_pair, reply } => {
                reply.send(self.core.writer(&name, *key_pair).map_err(NodeError::Misuse));
            }
            Command::Adopt { key, reply } => {
                reply.send(self.core.adopt(key).map_err(NodeError::Misuse));
            }
            Command::Get { key, index, reply } => {
                self.take_back_unheard();
                let request = self.core.get(key, index);
                self.wait(request, reply, Open::Read);
            }
            Command::Refuse { key, reply } => {
                let ruled = self.core.refuse(&key);
                self.wait(ruled, reply, Open::Rule);
            }
            Command::Accept { key, reply } => {
                let ruled = self.core.accept(&key);
                self.wait(ruled, reply, Open::Rule);
            }
            Command::Remove { feed, reply } => {
                let removed = self.core.remove(feed);
                self.wait(removed, reply, Open::Rule);
            }
            Command::IsRefused { key, reply } => reply.send(Ok(self.core.is_refused(&key))),
            Command::Append { feed, blocks, reply } => {
                let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                let request = self.core.append(feed, &blocks);
                self.wait(request, reply, Open::Append);
            }
            Command::Read { feed, range, reply } => {
                let request = self.core.read(feed, range.start, range.end);
                self.wait(request, reply, Open::Read);
            }
            Command::Feeds { reply } => {
                reply.send(Ok(self.core.feeds().map(FeedInfo::from).collect()));
            }
            Command::Feed { key, reply } => {
                reply.send(Ok(self.core.find(&key).map(FeedInfo::from)));
            }
            Command::FeedOf { id, reply } => {
                reply.send(Ok(self.core.feed(id).map(FeedInfo::from)));
            }
            Command::Holders { id, reply } => reply.send(Ok(self.core.holders(id).collect())),
            Command::Peers { reply } => reply.send(Ok(self.core.peers().collect())),
            Command::SyncStatus { reply } => reply.send(Ok(self.core.sync_status())),
            Command::Dial { addr, reply } => {
                let added = self.dialer.add(self.now(), addr);
                reply.send(if added { Ok(()) } else { Err(NodeError::TooMany) });
            }
            Command::Discover { source, reply } => reply.send(self.discover(source)),
            Command::Addresses { reply } => reply.send(Ok(self.dialer.addresses(self.now()))),
            Command::HangUp { addr, reply } => {
                self.hang_up(addr);
                reply.send(Ok(()));
            }
            Command::Listen { addr, reply } => reply.send(self.listen(addr)),
            Command::LocalAddrs { reply } => {
                reply.send(Ok(self.listeners.iter().map(|(addr, _)| *addr).collect()));
            }
        }
    }

    /// Takes back the blocks that nobody waits for any more: one that no peer has would be waited
    /// for until the node closes.
    fn take_back_unheard(&mut self) {
        let is_unheard = |open: &Open| matches!(open, Open::Read(reply) if reply.is_unheard());
        let unheard = self.calls.iter().filter(|(_, open)| is_unheard(open));
        for request in unheard.map(|(request, _)| *request).collect::<Vec<_>>() {
            // A read of the store cannot be taken back, and is soon over.
            let _ = self.core.cancel(request);
        }
    }

    /// The call is answered by the event of its request, or now if there is none.
    fn wait<T>(
        &mut self,
        request: Result<RequestId, Misuse>,
        reply: Answer<T>,
        open: impl FnOnce(Answer<T>) -> Open,
    ) {
        match request {
            Ok(request) => _ = self.calls.insert(request, open(reply)),
            Err(misuse) => reply.send(Err(misuse.into())),
        }
    }

    fn listen(&mut self, addr: SocketAddr) -> Result<SocketAddr, NodeError> {
        if self.listeners.len() >= self.listeners_max {
            return Err(NodeError::TooMany);
        }
        let (listener, addr) = bind(addr)?;
        self.start_listener(listener, addr).map_err(|error| NodeError::listen(addr, error))?;
        Ok(addr)
    }

    /// Answers the call that waits for this event, and gives back what subscribers are to know.
    pub(super) fn answer(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Appended { request, start, end, .. } => {
                if let Some(Open::Append(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(Appended { start, end }));
                }
                Some(event)
            }
            Event::Ruled { request, .. } | Event::Removed { request: Some(request), .. } => {
                if let Some(Open::Rule(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(()));
                }
                Some(event)
            }
            Event::Blocks { request, blocks, .. } => {
                if let Some(Open::Read(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(blocks));
                }
                None
            }
            Event::Missing { request, .. } | Event::Canceled { request } => {
                // Cleared or removed meanwhile: they are not here, and nothing is wrong.
                if let Some(Open::Read(reply)) = self.calls.remove(&request) {
                    reply.send(Err(NodeError::Misuse(Misuse::OutOfRange)));
                }
                Some(event)
            }
            Event::Failed { request, failure } => {
                self.fail(request, failure);
                None
            }
            event => Some(event),
        }
    }

    fn fail(&mut self, request: RequestId, failure: StoreFailure) {
        match self.calls.remove(&request) {
            Some(Open::Append(reply)) => reply.send(Err(failure.into())),
            Some(Open::Read(reply)) => reply.send(Err(failure.into())),
            Some(Open::Rule(reply)) => reply.send(Err(failure.into())),
            None => {}
        }
    }
}

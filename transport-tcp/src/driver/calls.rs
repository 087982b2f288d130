//! Calls of the application, and their answers.
//!
//! Rule: each call is answered once, immediately or by the event of its request.

use std::net::SocketAddr;

use multifeed_core::{Event, Misuse, RequestId, StoreFailure};

use super::Driver;
use crate::command::{Answer, Command, PendingCall};
use crate::error::NodeError;
use crate::feed_info::{Appended, FeedInfo};
use crate::listener::bind;

impl Driver {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Writer { name, key_pair, reply } => {
                reply.send(self.core.writer(&name, *key_pair).map_err(NodeError::Misuse));
            }
            Command::Adopt { key, reply } => {
                reply.send(self.core.adopt(key).map_err(NodeError::Misuse));
            }
            Command::Get { feed, index, reply } => {
                self.cancel_abandoned();
                let request = self.core.get(feed, index);
                self.answer_later(request, reply, PendingCall::Read);
            }
            Command::Refuse { feed, reply } => {
                let request = self.core.refuse(feed);
                self.answer_later(request, reply, PendingCall::FeedPolicy);
            }
            Command::Accept { feed, reply } => {
                let request = self.core.accept(feed);
                self.answer_later(request, reply, PendingCall::FeedPolicy);
            }
            Command::Remove { feed, reply } => {
                let request = self.core.remove(feed);
                self.answer_later(request, reply, PendingCall::FeedPolicy);
            }
            Command::IsRefused { feed, reply } => reply.send(Ok(self.core.is_refused(feed))),
            Command::Append { feed, blocks, reply } => {
                let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                let request = self.core.append(feed, &blocks);
                self.answer_later(request, reply, PendingCall::Append);
            }
            Command::Read { feed, range, reply } => {
                let request = self.core.read(feed, range.start, range.end);
                self.answer_later(request, reply, PendingCall::Read);
            }
            Command::Feeds { reply } => {
                reply.send(Ok(self.core.feeds().map(FeedInfo::from).collect()));
            }
            Command::Feed { feed, reply } => {
                reply.send(Ok(self.core.feed(feed).map(FeedInfo::from)));
            }
            Command::Holders { feed, reply } => reply.send(Ok(self.core.holders(feed).collect())),
            Command::Peers { reply } => reply.send(Ok(self.core.peers().collect())),
            Command::SyncStatus { reply } => reply.send(Ok(self.core.sync_status())),
            Command::Dial { addr, reply } => {
                let is_added = self.dialer.add(self.now(), addr);
                reply.send(if is_added { Ok(()) } else { Err(NodeError::TooMany) });
            }
            Command::Discover { source, reply } => reply.send(self.discover(source)),
            Command::Addresses { reply } => reply.send(Ok(self.dialer.addresses(self.now()))),
            Command::Disconnect { addr, reply } => {
                self.disconnect(addr);
                reply.send(Ok(()));
            }
            Command::Listen { addr, reply } => reply.send(self.listen(addr)),
            Command::LocalAddrs { reply } => {
                reply.send(Ok(self.listeners.iter().map(|(addr, _)| *addr).collect()));
            }
        }
    }

    /// Cancels requests for blocks whose callers have stopped waiting. Without this, a request for
    /// a block that no peer has would stay open until the node closes.
    fn cancel_abandoned(&mut self) {
        let is_abandoned =
            |call: &PendingCall| matches!(call, PendingCall::Read(reply) if reply.is_abandoned());
        let abandoned = self.calls.iter().filter(|(_, call)| is_abandoned(call));
        for request in abandoned.map(|(request, _)| *request).collect::<Vec<_>>() {
            // Fails for a read of the store, which cannot be cancelled and ends soon.
            let _ = self.core.cancel(request);
        }
    }

    /// Keeps the call until the event of its request, or answers it now if there is no request.
    fn answer_later<T>(
        &mut self,
        request: Result<RequestId, Misuse>,
        reply: Answer<T>,
        pending: impl FnOnce(Answer<T>) -> PendingCall,
    ) {
        match request {
            Ok(request) => _ = self.calls.insert(request, pending(reply)),
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

    /// Answers the call that waits for this event. Returns the event if subscribers get it too.
    pub(super) fn answer_call(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Appended { request, start, end, .. } => {
                if let Some(PendingCall::Append(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(Appended { start, end }));
                }
                Some(event)
            }
            Event::Ruled { request, .. } | Event::Removed { request: Some(request), .. } => {
                if let Some(PendingCall::FeedPolicy(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(()));
                }
                Some(event)
            }
            Event::Blocks { request, blocks, .. } => {
                if let Some(PendingCall::Read(reply)) = self.calls.remove(&request) {
                    reply.send(Ok(blocks));
                }
                None
            }
            Event::Missing { request, .. } | Event::Canceled { request } => {
                // The blocks were cleared or removed in the meantime, which is no failure.
                if let Some(PendingCall::Read(reply)) = self.calls.remove(&request) {
                    reply.send(Err(NodeError::Misuse(Misuse::OutOfRange)));
                }
                Some(event)
            }
            Event::Failed { request, failure } => {
                self.fail_call(request, failure);
                None
            }
            event => Some(event),
        }
    }

    fn fail_call(&mut self, request: RequestId, failure: StoreFailure) {
        match self.calls.remove(&request) {
            Some(PendingCall::Append(reply)) => reply.send(Err(failure.into())),
            Some(PendingCall::Read(reply)) => reply.send(Err(failure.into())),
            Some(PendingCall::FeedPolicy(reply)) => reply.send(Err(failure.into())),
            None => {}
        }
    }
}

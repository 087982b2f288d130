//! Sends messages on behalf of attached clients and reports their delivery.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::host::{ClientEvent, ClientId};
use super::{Refusal, Request, Response, Submission};
use crate::delivery::Holders;
use crate::report::Failure;
use crate::session::Session;
use crate::session::failure::refuses_one_message;

/// The attached clients, and the delivery of the last message of each.
#[derive(Debug, Default)]
pub struct Submissions {
    clients: BTreeMap<ClientId, mpsc::Sender<Response>>,
    holders: BTreeMap<ClientId, Holders>,
}

impl Submissions {
    /// Handles an event of a client. Returns requests other than `Send`, with the channel for the
    /// response.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn on_event(
        &mut self,
        session: &Session,
        id: ClientId,
        event: ClientEvent,
    ) -> Result<Option<(Request, mpsc::Sender<Response>)>, Failure> {
        match event {
            ClientEvent::Connected(responses) => _ = self.clients.insert(id, responses),
            ClientEvent::Disconnected => {
                self.clients.remove(&id);
                self.holders.remove(&id);
            }
            ClientEvent::Requested(Request::Send(message)) => {
                let response = self.send(session, id, &message).await?;
                self.respond(id, response);
            }
            ClientEvent::Requested(request) => {
                return Ok(self.clients.get(&id).map(|responses| (request, responses.clone())));
            }
        }
        Ok(None)
    }

    async fn send(
        &mut self,
        session: &Session,
        id: ClientId,
        message: &Submission,
    ) -> Result<Response, Failure> {
        let open = session.room();
        if let Some(query) = message.room.as_deref()
            && session.profile().find(Some(query)).map(|found| found.id()) != Ok(open.id())
        {
            return Ok(Response::Refused(Refusal::OtherRoom(open.name().to_string())));
        }
        if open.is_sealed() {
            return Ok(Response::Refused(Refusal::Sealed));
        }
        match session.append(&message.channel, &message.text).await {
            Ok(stored) => {
                let (feed, index) = (stored.feed, stored.index);
                self.holders.insert(id, Holders::new(stored));
                Ok(Response::Stored { feed, index })
            }
            Err(failure) => {
                let words = failure.report().map_or("", |report| report.message().as_str());
                let response = Response::Refused(Refusal::NotStored(words.to_string()));
                // Any other failure concerns this process too.
                if refuses_one_message(&failure) {
                    return Ok(response);
                }
                self.respond(id, response);
                Err(failure)
            }
        }
    }

    /// Reports to every client the delivery of its message.
    ///
    /// # Errors
    /// Fails if the node has closed.
    pub async fn update(&mut self, session: &Session) -> Result<(), Failure> {
        let mut reports = Vec::with_capacity(self.holders.len());
        for (id, holders) in &mut self.holders {
            reports.push((*id, holders.update(session).await?));
        }
        for (id, report) in reports {
            self.respond(id, Response::Delivery(report));
        }
        Ok(())
    }

    /// Sends a response. A client that does not read misses it, and gets the next report.
    fn respond(&self, id: ClientId, response: Response) {
        if let Some(responses) = self.clients.get(&id) {
            let _ = responses.try_send(response);
        }
    }
}

//! Sends messages on behalf of attached clients and reports their delivery.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::host::{GuestId, Said};
use super::{Ask, Refusal, Tell};
use crate::delivery::Spread;
use crate::exit::ExitCode;
use crate::report::Failure;
use crate::session::Session;

/// The attached clients, and the delivery of the last message of each.
#[derive(Debug, Default)]
pub struct Sends {
    guests: BTreeMap<GuestId, mpsc::Sender<Tell>>,
    spreads: BTreeMap<GuestId, Spread>,
}

impl Sends {
    /// Handles an event of a client. Returns requests other than `Send`, with the channel for the
    /// response.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn take(
        &mut self,
        session: &Session,
        (id, said): (GuestId, Said),
    ) -> Result<Option<(Ask, mpsc::Sender<Tell>)>, Failure> {
        match said {
            Said::Came(tells) => _ = self.guests.insert(id, tells),
            Said::Left => {
                self.guests.remove(&id);
                self.spreads.remove(&id);
            }
            Said::Asked(Ask::Send { room, channel, text }) => {
                let told = self.send(session, id, room.as_deref(), (&channel, &text)).await?;
                self.tell(id, told);
            }
            Said::Asked(ask) => {
                return Ok(self.guests.get(&id).map(|tells| (ask, tells.clone())));
            }
        }
        Ok(None)
    }

    async fn send(
        &mut self,
        session: &Session,
        id: GuestId,
        room: Option<&str>,
        (channel, text): (&str, &str),
    ) -> Result<Tell, Failure> {
        let open = session.room();
        if let Some(query) = room
            && session.profile().find(Some(query)).map(|found| found.id()) != Ok(open.id())
        {
            return Ok(Tell::Refused(Refusal::OtherRoom(open.name().to_string())));
        }
        if open.is_sealed() {
            return Ok(Tell::Refused(Refusal::Sealed));
        }
        match session.append(channel, text).await {
            Ok(stored) => {
                let (feed, index) = (stored.feed, stored.index);
                self.spreads.insert(id, Spread::new(stored));
                Ok(Tell::Stored { feed, index })
            }
            Err(failure) => {
                let words = failure.report().map_or("", |report| report.message().as_str());
                let told = Tell::Refused(Refusal::NotStored(words.to_string()));
                // The client can correct this input. Any other failure ends the process.
                if failure.exit() == ExitCode::BadInput {
                    return Ok(told);
                }
                self.tell(id, told);
                Err(failure)
            }
        }
    }

    /// Reports to every client the delivery of its message.
    ///
    /// # Errors
    /// Fails if the node has closed.
    pub async fn look(&mut self, session: &Session) -> Result<(), Failure> {
        let mut reached = Vec::with_capacity(self.spreads.len());
        for (id, spread) in &mut self.spreads {
            reached.push((*id, spread.look(session).await?));
        }
        for (id, reached) in reached {
            self.tell(id, Tell::Reached(reached));
        }
        Ok(())
    }

    /// Sends a response. A client that does not read misses it, and gets the next report.
    fn tell(&self, id: GuestId, told: Tell) {
        if let Some(tells) = self.guests.get(&id) {
            let _ = tells.try_send(told);
        }
    }
}

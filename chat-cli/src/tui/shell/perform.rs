//! Performs the effects that a model asks for.

use super::windows::Seat;
use super::{Next, PAGE_ROWS, Shell};
use crate::args::channel::AnyChannel;
use crate::args::moderate::Moderate;
use crate::attach::Tell;
use crate::exit::ExitCode;
use crate::invite::Right;
use crate::profile::access::Access;
use crate::profile::invites::{Hinted, invite_to};
use crate::qr;
use crate::report::Failure;
use crate::sanitize;
use crate::session::search::Search;
use crate::slash::answer;
use crate::slash::query::Ask;
use crate::tui::model::overlay::{FOUND_MAX, Invite, Overlay};
use crate::tui::model::{Effect, News};

/// The widest invite, in columns. Chosen: the longest one has 263 characters.
const INVITE_COLUMNS_MAX: usize = 400;

impl Shell<'_> {
    /// Performs an effect.
    pub(super) async fn perform(&mut self, seat: Seat, effect: Effect) -> Result<Next, Failure> {
        match effect {
            Effect::Send { channel, text } => self.send(seat, channel.as_str(), &text).await?,
            Effect::ReadOlder(spot) => {
                let older = self.session.page(Some(spot), PAGE_ROWS).await?;
                self.tell_one(seat, News::Older(older))?;
            }
            Effect::ReadLatest => {
                let latest = self.session.page(None, PAGE_ROWS).await?;
                self.tell_one(seat, News::Latest(latest))?;
            }
            Effect::ReadAround(spot) => {
                let around = self.session.around(spot, PAGE_ROWS).await?;
                self.tell_one(seat, News::Around(spot, around))?;
            }
            Effect::Search(words) => {
                let search = Search::new(&words, &AnyChannel::default(), FOUND_MAX);
                self.search = Some((seat, search));
            }
            Effect::Invite => self.invite(seat)?,
            Effect::Rename(nick) => {
                self.session.set_nick(&nick)?;
                let nick = self.session.nick().clone();
                self.note(seat, &answer::renamed(&self.session, self.global));
                self.tell(&News::Nick(nick))?;
            }
            Effect::Moderate(wanted) => self.moderate(seat, &wanted).await?,
            Effect::Ask(ask) => self.ask(seat, &ask).await?,
            Effect::OpenRoom(at) => return Ok(self.open_room(seat, at)),
            Effect::Copy(text) => {
                if let Some(screen) = self.desk.screen(seat) {
                    screen.copy(&text)?;
                }
                self.note(seat, "copied, if your terminal supports it (OSC 52)");
            }
            Effect::Bell => self.ring(seat)?,
            Effect::MarkRead(spot) => self.session.mark_read(spot)?,
            Effect::Redraw => {
                if let (Some(model), Some(screen)) =
                    (self.models.get(&seat), self.desk.screen(seat))
                {
                    screen.clear(model.size)?;
                }
            }
            Effect::Suspend => match seat {
                Seat::Own => self.stop()?,
                Seat::Guest(id) => self.desk.tell(id, Tell::Stop),
            },
            Effect::Quit => match seat {
                Seat::Own => return Ok(Next::Leave),
                Seat::Guest(id) => {
                    self.desk.tell(id, Tell::Bye);
                    self.leave(id);
                }
            },
        }
        Ok(Next::GoOn)
    }

    async fn ask(&mut self, seat: Seat, ask: &Ask) -> Result<(), Failure> {
        // An export contains all stored messages, including those not shown yet.
        while self.is_behind && matches!(ask, Ask::Export(_)) {
            self.read_on().await?;
        }
        let lines = answer::answer(&mut self.session, self.global, ask).await?;
        // A setting applies to all windows; a change in one window does not.
        if matches!(ask, Ask::Set(..)) {
            self.tell(&News::Look(self.session.look()))?;
            self.tell(&News::Nick(self.session.nick().clone()))?;
        }
        self.is_behind |= matches!(ask, Ask::Topic(_, Some(_)));
        lines.iter().for_each(|line| self.note(seat, line));
        Ok(())
    }

    /// Switches to another room, unless it cannot be read.
    fn open_room(&mut self, seat: Seat, at: usize) -> Next {
        let Some(Err(failure)) = self.rooms.get(at).map(|room| room.clone().readable()) else {
            return Next::Open(at);
        };
        let report = failure.report().map(|report| report.message().to_string());
        self.note(seat, &report.unwrap_or_default());
        Next::GoOn
    }

    async fn send(&mut self, seat: Seat, channel: &str, text: &str) -> Result<(), Failure> {
        match self.session.append(channel, text).await {
            Ok(_) => {
                self.is_behind = true;
                Ok(())
            }
            // The user can correct this.
            Err(failure) if failure.exit() == ExitCode::BadInput => {
                if let Some(report) = failure.report() {
                    self.note(seat, &format!("not sent: {}", report.message()));
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Searches the next page, unless the search was closed.
    pub(super) async fn search_on(&mut self) -> Result<(), Failure> {
        let Some((seat, mut search)) = self.search.take() else { return Ok(()) };
        let overlay = self.models.get(&seat).map(|model| &model.overlay);
        if !matches!(overlay, Some(Overlay::Search(_))) {
            return Ok(());
        }
        let known = search.count();
        self.session.search_on(&mut search).await?;
        if search.count() > known || search.is_over() {
            self.tell_one(seat, News::Found(search.found(), search.is_over()))?;
        }
        self.search = Some((seat, search)).filter(|(_, search)| !search.is_over());
        Ok(())
    }

    /// Changes moderation, and reloads the messages in all windows.
    async fn moderate(&mut self, seat: Seat, wanted: &Moderate) -> Result<(), Failure> {
        match self.session.moderate(wanted).await {
            Ok(done) => self.note(seat, &done),
            Err(failure) => {
                let report = failure.report().map(|report| report.message().to_string());
                self.note(seat, &report.unwrap_or_default());
                return Ok(());
            }
        }
        self.has_topics = true;
        let latest = self.session.page(None, PAGE_ROWS).await?;
        self.tell(&News::Latest(latest))
    }

    /// Updates the topics in the windows where they may have changed.
    pub(super) async fn tell_topics(&mut self) -> Result<(), Failure> {
        let is_all = std::mem::take(&mut self.has_topics);
        let behind = self.models.iter().filter(|(_, model)| is_all || !model.knows_topic());
        let behind: Vec<_> = behind.map(|(seat, model)| (*seat, model.channel.clone())).collect();
        for (seat, channel) in behind {
            let topic = self.session.topic(&channel).await?;
            self.tell_one(seat, News::Topic(channel, topic))?;
        }
        Ok(())
    }

    fn invite(&mut self, seat: Seat) -> Result<(), Failure> {
        let (profile, room) = (self.session.profile(), self.session.room());
        let listening = self.session.listening();
        let ticket = invite_to(profile, room, listening, Right::Member, Hinted::Yes);
        let invite = match (ticket, room.access()) {
            (Some(ticket), _) => Invite {
                text: sanitize::line(&ticket, INVITE_COLUMNS_MAX),
                picture: qr::picture(&ticket).unwrap_or_default(),
                warning: "anyone with this can read the whole history",
            },
            (None, Access::Open { name }) => Invite {
                text: sanitize::line(&format!("multichat join --open {name}"), INVITE_COLUMNS_MAX),
                picture: Vec::new(),
                warning: "an open room: anyone who knows its name can join and read all of it",
            },
            (None, Access::Secret(_) | Access::Seed(_)) => return Ok(()),
        };
        self.tell_one(seat, News::Invite(invite))
    }

    /// Sends an event to the model of one window and performs immediate effects.
    pub(super) fn tell_one(&mut self, seat: Seat, news: News) -> Result<(), Failure> {
        self.is_stale = true;
        let effects = self.models.get_mut(&seat).map(|model| model.update(news));
        for effect in effects.unwrap_or_default() {
            match effect {
                Effect::Bell => self.ring(seat)?,
                Effect::MarkRead(spot) => self.session.mark_read(spot)?,
                // Events cause no other effects.
                _ => {}
            }
        }
        Ok(())
    }

    fn ring(&mut self, seat: Seat) -> Result<(), Failure> {
        self.desk.screen(seat).map_or(Ok(()), |screen| screen.ring())
    }

    fn note(&mut self, seat: Seat, text: &str) {
        if let Some(model) = self.models.get_mut(&seat) {
            model.note(text);
        }
    }
}

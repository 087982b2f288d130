//! Performs the effects that a model asks for.

use super::page::Page;
use super::windows::WindowId;
use super::{EventLoop, Flow, PAGE_MESSAGES};
use crate::args::channel::ChannelFilter;
use crate::args::moderate::Moderate;
use crate::attach::Response;
use crate::invite::Right;
use crate::profile::access::Access;
use crate::profile::invites::{InviteHints, invite_text};
use crate::qr;
use crate::report::Failure;
use crate::sanitize;
use crate::session::search::Search;
use crate::slash::answer;
use crate::slash::query::Query;
use crate::tui::model::overlay::{FOUND_MAX, Invite, Overlay};
use crate::tui::model::{Effect, ModelEvent};

/// The widest invite, in columns. Chosen: the longest one has 263 characters.
const INVITE_COLUMNS_MAX: usize = 400;

impl EventLoop<'_> {
    /// Performs an effect.
    pub(super) async fn perform(
        &mut self,
        window: WindowId,
        effect: Effect,
    ) -> Result<Flow, Failure> {
        match effect {
            Effect::Send { .. } if self.failures.needs_reopening => return Ok(self.reopen(window)),
            Effect::Send { channel, text } => self.send(window, channel.as_str(), &text).await?,
            Effect::ReadOlder(position) => self.read(window, Page::Before(position)).await?,
            Effect::ReadNewer(position) => self.read(window, Page::After(position)).await?,
            Effect::ReadLatest => self.read(window, Page::Latest).await?,
            Effect::ReadAround(position) => self.read(window, Page::Around(position)).await?,
            Effect::Search(words) => {
                let search = Search::new(&words, &ChannelFilter::default(), FOUND_MAX);
                self.search = Some((window, search));
            }
            Effect::Invite => self.invite(window)?,
            Effect::Rename(nick) => {
                self.session.set_nick(&nick)?;
                let nick = self.session.nick().clone();
                self.note(window, &answer::rename_notice(&self.session, self.global));
                self.notify_all(&ModelEvent::Nick(nick))?;
            }
            Effect::Moderate(wanted) => self.moderate(window, &wanted).await?,
            Effect::Query(query) => self.query(window, &query).await?,
            Effect::OpenRoom(at) => return Ok(self.open_room(window, at)),
            Effect::Copy(text) => {
                if let Some(screen) = self.windows.screen(window) {
                    screen.copy(&text)?;
                }
                self.note(window, "copied, if your terminal allows it");
            }
            Effect::Bell => self.ring(window)?,
            Effect::MarkRead(position) => self.session.mark_read(position)?,
            Effect::Redraw => self.redraw(window)?,
            Effect::Suspend => match window {
                WindowId::Local => self.suspend()?,
                WindowId::Client(id) => self.windows.respond(id, Response::Stop),
            },
            Effect::Quit => match window {
                WindowId::Local => return Ok(Flow::Leave),
                WindowId::Client(id) => {
                    self.windows.respond(id, Response::Bye);
                    self.close_client_window(id);
                }
            },
        }
        Ok(Flow::Continue)
    }

    /// Reads a page of the channel of a window.
    pub(super) async fn read(&mut self, window: WindowId, page: Page) -> Result<(), Failure> {
        let Some(model) = self.models.get(&window) else { return Ok(()) };
        let (session, channel) = (&self.session, &model.channel);
        let event = match page {
            Page::Latest => {
                ModelEvent::Latest(session.channel_page(channel, None, PAGE_MESSAGES).await?)
            }
            Page::Before(position) => {
                let older = session.channel_page(channel, Some(position), PAGE_MESSAGES).await?;
                ModelEvent::Older(older)
            }
            Page::After(position) => {
                let entries = session.channel_page_after(channel, position, PAGE_MESSAGES).await?;
                let is_end = entries.len() < PAGE_MESSAGES;
                ModelEvent::Newer { entries, is_end }
            }
            Page::Around(position) => {
                let around = session.channel_around(channel, position, PAGE_MESSAGES).await?;
                ModelEvent::Around(position, around)
            }
        };
        self.notify_window(window, event)
    }

    async fn query(&mut self, window: WindowId, query: &Query) -> Result<(), Failure> {
        // An export contains all stored messages, including those not shown yet.
        while self.is_behind && matches!(query, Query::Export(_)) {
            self.read_on().await?;
        }
        let lines = answer::answer(&mut self.session, self.global, query).await?;
        // A setting applies to all windows; a change in one window does not.
        if matches!(query, Query::Set(..)) {
            self.notify_all(&ModelEvent::Appearance(self.session.appearance()))?;
            self.notify_all(&ModelEvent::Nick(self.session.nick().clone()))?;
        }
        self.is_behind |= matches!(query, Query::Topic(_, Some(_)));
        lines.iter().for_each(|line| self.note(window, line));
        Ok(())
    }

    /// Switches to another room, unless it cannot be read.
    fn open_room(&mut self, window: WindowId, at: usize) -> Flow {
        let Some(Err(failure)) = self.rooms.get(at).map(|room| room.clone().readable()) else {
            return Flow::Open(at);
        };
        let report = failure.report().map(|report| report.message().to_string());
        self.note(window, &report.unwrap_or_default());
        Flow::Continue
    }

    async fn send(&mut self, window: WindowId, channel: &str, text: &str) -> Result<(), Failure> {
        match self.session.append(channel, text).await {
            Ok(_) => {
                self.is_behind = true;
                Ok(())
            }
            Err(failure) => {
                self.keep_text(window);
                Err(failure)
            }
        }
    }

    /// Searches the next page, unless the search was closed.
    pub(super) async fn continue_search(&mut self) -> Result<(), Failure> {
        let Some((window, mut search)) = self.search.take() else { return Ok(()) };
        let overlay = self.models.get(&window).map(|model| &model.overlay);
        if !matches!(overlay, Some(Overlay::Search(_))) {
            return Ok(());
        }
        let known = search.count();
        self.session.continue_search(&mut search).await?;
        if search.count() > known || search.is_finished() {
            let (entries, is_complete) = (search.found(), search.is_finished());
            self.notify_window(window, ModelEvent::Found { entries, is_complete })?;
        }
        self.search = Some((window, search)).filter(|(_, search)| !search.is_finished());
        Ok(())
    }

    /// Changes moderation, and reloads the messages in all windows.
    async fn moderate(&mut self, window: WindowId, wanted: &Moderate) -> Result<(), Failure> {
        match self.session.moderate(wanted).await {
            Ok(done) => self.note(window, &done),
            Err(failure) => {
                let report = failure.report().map(|report| report.message().to_string());
                self.note(window, &report.unwrap_or_default());
                return Ok(());
            }
        }
        self.has_topics = true;
        for window in self.models.keys().copied().collect::<Vec<_>>() {
            self.read(window, Page::Latest).await?;
        }
        Ok(())
    }

    /// Updates the topics in the windows where they may have changed.
    pub(super) async fn refresh_topics(&mut self) -> Result<(), Failure> {
        let is_all = std::mem::take(&mut self.has_topics);
        let behind = self.models.iter().filter(|(_, model)| is_all || !model.has_loaded_topic());
        let behind: Vec<_> =
            behind.map(|(window, model)| (*window, model.channel.clone())).collect();
        for (window, channel) in behind {
            let topic = self.session.topic(&channel).await?;
            self.notify_window(window, ModelEvent::Topic(channel, topic))?;
        }
        Ok(())
    }

    fn invite(&mut self, window: WindowId) -> Result<(), Failure> {
        let (profile, room) = (self.session.profile(), self.session.room());
        let listening = self.session.listening();
        let invite = invite_text(profile, room, listening, Right::Member, InviteHints::Included);
        let invite = match (invite, room.access()) {
            (Some(invite), _) => Invite {
                text: sanitize::line(&invite, INVITE_COLUMNS_MAX),
                qr_lines: qr::render(&invite).unwrap_or_default(),
                warning: "anyone with this can read the whole history",
            },
            (None, Access::Open { name }) => Invite {
                text: sanitize::line(&format!("multichat join --open {name}"), INVITE_COLUMNS_MAX),
                qr_lines: Vec::new(),
                warning: "an open room: anyone who knows its name can join and read all of it",
            },
            (None, Access::Secret(_) | Access::Seed(_)) => return Ok(()),
        };
        self.notify_window(window, ModelEvent::Invite(invite))
    }

    /// Sends an event to the model of one window and performs immediate effects.
    pub(super) fn notify_window(
        &mut self,
        window: WindowId,
        event: ModelEvent,
    ) -> Result<(), Failure> {
        self.is_stale = true;
        let effects = self.models.get_mut(&window).map(|model| model.update(event));
        for effect in effects.unwrap_or_default() {
            match effect {
                Effect::Bell => self.ring(window)?,
                Effect::MarkRead(position) => self.session.mark_read(position)?,
                // Events cause no other effects.
                _ => {}
            }
        }
        Ok(())
    }

    fn ring(&mut self, window: WindowId) -> Result<(), Failure> {
        self.windows.screen(window).map_or(Ok(()), |screen| screen.ring())
    }

    pub(super) fn note(&mut self, window: WindowId, text: &str) {
        if let Some(model) = self.models.get_mut(&window) {
            model.note(text);
        }
    }
}

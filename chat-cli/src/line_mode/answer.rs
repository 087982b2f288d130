//! Answers the slash commands in line mode.

use super::LineMode;
use crate::appearance::Appearance;
use crate::args::channel::ChannelFilter;
use crate::connections::peer_name;
use crate::delivery::your_messages;
use crate::invite::Right;
use crate::lines::Arrival;
use crate::message::channel_name;
use crate::printer::Printer;
use crate::profile::invites::{InviteHints, invite_text};
use crate::report::Failure;
use crate::sanitize;
use crate::slash::answer;
use crate::slash::query::Query;
use crate::slash::{COMMANDS, ParsedLine};
use crate::transcript::plural;

/// The most results that a search shows. Chosen: as the default of `multichat search`.
const FOUND_MAX: usize = 50;
/// The most messages that `/unread` shows. Chosen: what a terminal's scrollback holds with ease.
const UNREAD_MAX: usize = 200;
/// The widest search text in the result line, in columns. Chosen: the line fits in 80 columns.
const WORDS_COLUMNS_MAX: usize = 60;

impl LineMode {
    /// Runs a slash command.
    pub(super) async fn answer(&mut self, typed: ParsedLine) -> Result<(), Failure> {
        match typed {
            ParsedLine::Help => {
                for (usage, what) in COMMANDS {
                    self.console.say(&format!("{usage:14} {what}"))?;
                }
                self.console.say("//x            send /x as text")?;
                self.console
                    .say("●  your messages are stored on another peer    ◌  stored only here")
            }
            ParsedLine::Peers => self.peers().await,
            ParsedLine::Invite => {
                let listening = self.session.listening();
                let (profile, room) = (self.session.profile(), self.session.room());
                match invite_text(profile, room, listening, Right::Member, InviteHints::Included) {
                    Some(invite) => {
                        self.console.data(&[invite.to_string()])?;
                        self.console.say("anyone with this invite can read the whole history")
                    }
                    None => self.console.say(&format!(
                        "an open room: anyone can join with its name:  multichat join --open {}",
                        room.name()
                    )),
                }
            }
            ParsedLine::Nick(nick) => {
                self.session.set_nick(&nick)?;
                self.console.say(&answer::rename_notice(&self.session, &self.global))
            }
            ParsedLine::Status => self.status().await,
            ParsedLine::Channel(name) => {
                self.channel = channel_name(&name);
                self.console.say(&format!("you now write in #{}", self.channel))?;
                match self.session.topic(&self.channel).await? {
                    Some(topic) => self.console.say(&format!("#{} ─ {}", self.channel, topic.text)),
                    None => Ok(()),
                }
            }
            ParsedLine::Moderate(wanted) => match self.session.moderate(&wanted).await {
                Ok(done) => self.console.say(&done),
                Err(failure) => self.refuse("not done", &failure),
            },
            ParsedLine::Search(words) => self.search(&words).await,
            ParsedLine::Unread => self.unread().await,
            ParsedLine::Notify(notify) => {
                self.session.set_appearance(Appearance { notify, ..self.session.appearance() });
                self.console.say("changed until you quit; to keep it:  /set notify")
            }
            ParsedLine::Query(query) => self.query(&query).await,
            ParsedLine::Topic(text) => self.query(&Query::Topic(self.channel.clone(), text)).await,
            ParsedLine::Copy | ParsedLine::Theme(_) => {
                self.console.say("this works in full screen only:  multichat --ui tui")
            }
            ParsedLine::Unknown(what) => self.console.say(&what),
            ParsedLine::Nothing | ParsedLine::Text(_) | ParsedLine::Quit => Ok(()),
        }
    }

    async fn query(&mut self, query: &Query) -> Result<(), Failure> {
        // The answer refers to messages before the command.
        self.show_new().await?;
        let lines = answer::answer(&mut self.session, &self.global, query).await?;
        if matches!(query, Query::Set(..)) {
            self.printer = Printer::new(&self.session, &self.output);
        }
        lines.iter().try_for_each(|line| self.console.say(line))?;
        match query {
            Query::Topic(_, Some(_)) if lines.is_empty() => self.topic_is_set().await,
            _ => Ok(()),
        }
    }

    /// Tracks the delivery of a topic, as of a message.
    async fn topic_is_set(&mut self) -> Result<(), Failure> {
        self.show_new().await?;
        self.delivery.stored(self.session.own_length()?);
        self.console.say(&format!("topic set for everyone in #{}", self.channel))
    }

    /// Shows the messages after the last one read before this session.
    async fn unread(&mut self) -> Result<(), Failure> {
        let Some(read) = self.read else {
            return self.console.say("everything here is new to you");
        };
        let mut new = self.session.page_after(Some(read), UNREAD_MAX).await?;
        new.retain(|entry| entry.id.feed != self.session.key().0);
        for entry in &new {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.console.data(&lines)?;
        }
        let count = plural(new.len() as u64, "message");
        self.console.say(&format!("{count} from others since you were last here"))
    }

    async fn peers(&self) -> Result<(), Failure> {
        let found = self.session.node().holders(self.session.feed()).await;
        let found = found.map_err(|error| self.session.failed(error))?;
        let length = self.session.own_length()?;
        let online = self.session.connections().online();
        if online.is_empty() {
            self.console.say("no other member is online")?;
        }
        for remote in online {
            let held = found.iter().filter_map(|(connection, held)| {
                let (key, addr) = self.session.connections().peer(*connection)?;
                (key == remote).then_some((addr, *held))
            });
            let line = match held.max_by_key(|(_, held)| *held) {
                Some((addr, held)) => {
                    let held = held.min(length);
                    let total = plural(length, "message");
                    format!("{} ({addr}) has {held} of your {total}", peer_name(&remote))
                }
                None => format!("{} has none of your messages yet", peer_name(&remote)),
            };
            self.console.say(&line)?;
        }
        for target in self.session.connections().out_of_sync() {
            if let Some(why) = target.error() {
                self.console.say(&format!("not connected: {} ({why})", target.name()))?;
            }
        }
        Ok(())
    }

    async fn search(&mut self, words: &str) -> Result<(), Failure> {
        let found = self.session.search(words, &ChannelFilter::default(), FOUND_MAX).await?;
        for entry in &found {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.console.data(&lines)?;
        }
        let found = match found.len() {
            0 => "nothing found".to_string(),
            count => plural(count as u64, "message"),
        };
        self.console.say(&format!("{found} with \"{}\"", sanitize::line(words, WORDS_COLUMNS_MAX)))
    }

    async fn status(&self) -> Result<(), Failure> {
        let status = self.session.node().sync_status().await;
        let status = status.map_err(|error| self.session.failed(error))?;
        let (have, want, feeds) = (status.have, status.want, status.feeds);
        let (synced, peers) = (status.synced, status.peers);
        self.console.say(&match peers {
            0 => {
                let (your_messages, members) =
                    (plural(have, "message"), plural(feeds as u64, "member"));
                format!("{your_messages} of {members} stored; no other member is online")
            }
            _ => {
                let (want, peers) = (plural(want, "message"), plural(peers as u64, "peer"));
                format!("{have} of {want} stored; in sync with {synced} of {peers}")
            }
        })?;
        match self.delivery.waiting() {
            0 => self.console.say("all your messages are stored on another peer too"),
            waiting => {
                self.console.say(&format!("{} stored only here so far", your_messages(waiting)))
            }
        }
    }
}

//! Answers the slash commands in line mode.

use super::Chat;
use crate::appearance::Look;
use crate::args::channel::AnyChannel;
use crate::connections::peer_name;
use crate::delivery::messages;
use crate::invite::Right;
use crate::lines::Arrival;
use crate::message::channel_name;
use crate::printer::Printer;
use crate::profile::invites::{Hinted, invite_to};
use crate::report::Failure;
use crate::sanitize;
use crate::slash::answer;
use crate::slash::query::Ask;
use crate::slash::{COMMANDS, Typed};
use crate::transcript::counted;

/// The most results that a search shows. Chosen: as the default of `multichat search`.
const FOUND_MAX: usize = 50;
/// The most messages that `/unread` shows. Chosen: what a terminal's scrollback holds with ease.
const UNREAD_MAX: usize = 200;
/// The widest search text in the result line, in columns. Chosen: the line fits in 80 columns.
const WORDS_COLUMNS_MAX: usize = 60;

impl Chat {
    /// Runs a slash command.
    pub(super) async fn answer(&mut self, typed: Typed) -> Result<(), Failure> {
        match typed {
            Typed::Help => {
                for (usage, what) in COMMANDS {
                    self.screen.say(&format!("{usage:14} {what}"))?;
                }
                self.screen.say("//x            send /x as text")?;
                self.screen
                    .say("●  your messages are stored on another peer    ◌  stored only here")
            }
            Typed::Peers => self.peers().await,
            Typed::Invite => {
                let listening = self.session.listening();
                let (profile, room) = (self.session.profile(), self.session.room());
                match invite_to(profile, room, listening, Right::Member, Hinted::Yes) {
                    Some(ticket) => {
                        self.screen.data(&[ticket.to_string()])?;
                        self.screen.say("anyone with this invite can read the whole history")
                    }
                    None => self.screen.say(&format!(
                        "an open room: anyone can join with its name:  multichat join --open {}",
                        room.name()
                    )),
                }
            }
            Typed::Nick(nick) => {
                self.session.set_nick(&nick)?;
                self.screen.say(&answer::renamed(&self.session, &self.global))
            }
            Typed::Status => self.status().await,
            Typed::Channel(name) => {
                self.channel = channel_name(&name);
                self.screen.say(&format!("you now write in #{}", self.channel))?;
                match self.session.topic(&self.channel).await? {
                    Some(topic) => self.screen.say(&format!("#{} ─ {}", self.channel, topic.text)),
                    None => Ok(()),
                }
            }
            Typed::Moderate(wanted) => match self.session.moderate(&wanted).await {
                Ok(done) => self.screen.say(&done),
                Err(failure) => self.refuse("not done", &failure),
            },
            Typed::Search(words) => self.search(&words).await,
            Typed::Unread => self.unread().await,
            Typed::Notify(notify) => {
                self.session.set_look(Look { notify, ..self.session.look() });
                self.screen.say("changed until you leave; /set notify saves it")
            }
            Typed::Ask(ask) => self.ask(&ask).await,
            Typed::Topic(text) => self.ask(&Ask::Topic(self.channel.clone(), text)).await,
            Typed::Copy | Typed::Theme(_) => {
                self.screen.say("this works in full screen only:  multichat --ui tui")
            }
            Typed::Unknown(what) => self.screen.say(&what),
            Typed::Nothing | Typed::Text(_) | Typed::Quit => Ok(()),
        }
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), Failure> {
        // The answer refers to messages before the command.
        self.show_new().await?;
        let lines = answer::answer(&mut self.session, &self.global, ask).await?;
        if matches!(ask, Ask::Set(..)) {
            self.printer = Printer::new(&self.session, &self.output);
        }
        lines.iter().try_for_each(|line| self.screen.say(line))?;
        match ask {
            Ask::Topic(_, Some(_)) if lines.is_empty() => self.topic_is_set().await,
            _ => Ok(()),
        }
    }

    /// Tracks the delivery of a topic, as of a message.
    async fn topic_is_set(&mut self) -> Result<(), Failure> {
        self.show_new().await?;
        self.delivery.stored(self.session.own_length()?);
        self.screen.say(&format!("topic set for everyone in #{}", self.channel))
    }

    /// Shows the messages after the last one read before this session.
    async fn unread(&mut self) -> Result<(), Failure> {
        let Some(read) = self.read else {
            return self.screen.say("everything here is new to you");
        };
        let mut new = self.session.page_after(Some(read), UNREAD_MAX).await?;
        new.retain(|entry| entry.id.feed != self.session.key().0);
        for entry in &new {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.screen.data(&lines)?;
        }
        let count = counted(new.len() as u64, "message");
        self.screen.say(&format!("{count} from others since you were last here"))
    }

    async fn peers(&self) -> Result<(), Failure> {
        let found = self.session.node().holders(self.session.feed()).await;
        let found = found.map_err(|error| self.session.failed(error))?;
        let length = self.session.own_length()?;
        let here = self.session.links().here();
        if here.is_empty() {
            self.screen.say("no other member is online")?;
        }
        for remote in here {
            let held = found.iter().filter_map(|(connection, held)| {
                let (key, addr) = self.session.links().peer(*connection)?;
                (key == remote).then_some((addr, *held))
            });
            let line = match held.max_by_key(|(_, held)| *held) {
                Some((addr, held)) => {
                    let held = held.min(length);
                    let yours = counted(length, "message");
                    format!("{} ({addr}) has {held} of your {yours}", peer_name(&remote))
                }
                None => format!("{} has none of your messages yet", peer_name(&remote)),
            };
            self.screen.say(&line)?;
        }
        for target in self.session.links().out_of_sync() {
            if let Some(why) = target.trouble() {
                self.screen.say(&format!("not connected: {} ({why})", target.name()))?;
            }
        }
        Ok(())
    }

    async fn search(&mut self, words: &str) -> Result<(), Failure> {
        let found = self.session.search(words, &AnyChannel::default(), FOUND_MAX).await?;
        for entry in &found {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.screen.data(&lines)?;
        }
        let found = counted(found.len() as u64, "message");
        self.screen.say(&format!("{found} with \"{}\"", sanitize::line(words, WORDS_COLUMNS_MAX)))
    }

    async fn status(&self) -> Result<(), Failure> {
        let status = self.session.node().sync_status().await;
        let status = status.map_err(|error| self.session.failed(error))?;
        let (have, want, feeds) = (status.have, status.want, status.feeds);
        let (synced, peers) = (status.synced, status.peers);
        self.screen.say(&match peers {
            0 => {
                let (messages, members) =
                    (counted(have, "message"), counted(feeds as u64, "member"));
                format!("{messages} of {members} stored; no other member is online")
            }
            _ => {
                let (want, peers) = (counted(want, "message"), counted(peers as u64, "peer"));
                format!("{have} of {want} stored; in sync with {synced} of {peers}")
            }
        })?;
        match self.delivery.waiting() {
            0 => self.screen.say("all your messages are stored on another peer too"),
            waiting => self.screen.say(&format!("{} stored only here so far", messages(waiting))),
        }
    }
}

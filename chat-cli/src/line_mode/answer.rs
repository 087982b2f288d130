//! What the commands after a slash show.

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

/// The most that a search shows.
const FOUND_MAX: usize = 50;
/// The most messages that are shown again.
const UNREAD_MAX: usize = 200;
/// The widest words of a search that are said again.
const WORDS_COLUMNS_MAX: usize = 60;

impl Chat {
    /// Does what a command after a slash asks for.
    pub(super) async fn answer(&mut self, typed: Typed) -> Result<(), Failure> {
        match typed {
            Typed::Help => {
                for (usage, what) in COMMANDS {
                    self.screen.say(&format!("{usage:14} {what}"))?;
                }
                self.screen.say("//x            sends /x as text")?;
                self.screen.say("●  all of yours is on another disk too    ◌  it waits here")
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
                self.screen.say(&format!("you talk in #{} from now on", self.channel))?;
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
                self.screen.say("so it is until you leave; /set notify keeps it")
            }
            Typed::Ask(ask) => self.ask(&ask).await,
            Typed::Topic(text) => self.ask(&Ask::Topic(self.channel.clone(), text)).await,
            Typed::Copy | Typed::Theme(_) => {
                self.screen.say("that is for the full screen:  multichat --ui tui")
            }
            Typed::Unknown(what) => self.screen.say(&what),
            Typed::Nothing | Typed::Text(_) | Typed::Quit => Ok(()),
        }
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), Failure> {
        // An answer is about what was said before the question.
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

    /// A topic that we have set goes to the others as a message does.
    async fn topic_is_set(&mut self) -> Result<(), Failure> {
        self.show_new().await?;
        self.delivery.stored(self.session.own_length()?);
        self.screen.say(&format!("so it is for everybody in #{}", self.channel))
    }

    /// What stood behind the last message that was read before.
    async fn unread(&mut self) -> Result<(), Failure> {
        let Some(read) = self.read else {
            return self.screen.say("all of it was new to you: you were not here before");
        };
        let mut new = self.session.page_after(Some(read), UNREAD_MAX).await?;
        new.retain(|entry| entry.id.feed != self.session.key().0);
        for entry in &new {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.screen.data(&lines)?;
        }
        let count = counted(new.len() as u64, "message");
        self.screen.say(&format!("{count} of others since you were here before"))
    }

    async fn peers(&self) -> Result<(), Failure> {
        let found = self.session.node().holders(self.session.feed()).await;
        let found = found.map_err(|error| self.session.failed(error))?;
        let length = self.session.own_length()?;
        let here = self.session.links().here();
        if here.is_empty() {
            self.screen.say("nobody else is here")?;
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
                self.screen.say(&format!("not here: {} ({why})", target.name()))?;
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
                format!("{messages} of {members} are here; nobody else is online")
            }
            _ => {
                let (want, peers) = (counted(want, "message"), counted(peers as u64, "peer"));
                format!("{have} of {want} are here; in sync with {synced} of {peers}")
            }
        })?;
        match self.delivery.waiting() {
            0 => self.screen.say("all that you wrote here is on another disk too"),
            waiting => self.screen.say(&format!("{} only here so far", messages(waiting))),
        }
    }
}

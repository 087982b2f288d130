//! Prints messages to stdout, as text or as JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lines::{self, Arrival, Line, Message};
use crate::message::Content;
use crate::output::{Format, Output};
use crate::report::Failure;
use crate::session::Session;
use crate::timeline::Entry;
use crate::transcript::Transcript;

/// Prints messages to stdout, as text or as JSON.
pub struct Printer {
    output: Output,
    room: String,
    transcript: Transcript,
}

impl Printer {
    /// Creates a printer for the messages of an open room.
    pub fn new(session: &Session, output: &Output) -> Self {
        let transcript = Transcript::new(TimeZone::system(), output.stdout_colour);
        let transcript = transcript.with(session.appearance().timestamps).with_channels();
        let transcript = transcript.at(Timestamp::now());
        Self { output: *output, room: session.room().name().to_string(), transcript }
    }

    /// Creates a printer that writes texts to a file as they were sent.
    pub fn for_file(session: &Session, output: &Output) -> Self {
        let printer = Self::new(session, output);
        Self { transcript: printer.transcript.exact(), ..printer }
    }

    /// Prints a message.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn print(&mut self, entry: &Entry, arrival: Arrival) -> Result<(), Failure> {
        for line in self.lines(entry, arrival)? {
            self.output.data(&line)?;
        }
        Ok(())
    }

    /// Returns the output lines of a message.
    ///
    /// # Errors
    /// Fails if it cannot be written as JSON.
    pub fn lines(&mut self, entry: &Entry, arrival: Arrival) -> Result<Vec<String>, Failure> {
        match self.output.format {
            Format::Text => Ok(self.transcript.lines(entry)),
            Format::Json => {
                let message = Message::new(entry.id.clone(), &self.room, &entry.content, arrival);
                let event = match entry.content {
                    Content::Topic(_) => lines::Event::Topic(message),
                    _ => lines::Event::Message(message),
                };
                crate::output::json_line(&Line::from(event)).map(|line| vec![line])
            }
        }
    }
}

//! Compares the user's feed with the length that the user has signed.
//!
//! Rule: nothing is appended below the signed length. The peers have those messages, so a second
//! message at the same index would split the user's history for good.

use super::Session;
use crate::exit::ExitCode;
use crate::report::Failure;
use crate::transcript::plural;

impl Session {
    /// Checks that all messages that the user has signed in this room are stored here.
    ///
    /// # Errors
    /// Exit 6 if some are missing: the store was lost, or an older one was restored.
    pub async fn check_signed(&self) -> Result<(), Failure> {
        let own = self.node.feed(self.key).await.map_err(|error| self.failed(error))?;
        let length = own.map_or(0, |feed| feed.length);
        match self.signed.length() {
            Some(signed) if length < signed => Err(self.behind(Some(signed - length))),
            None if length == 0 => Err(self.behind(None)),
            _ => {
                self.note_signed(length);
                Ok(())
            }
        }
    }

    /// Notes that the user has signed this length, which is durable in the store.
    pub(super) fn note_signed(&self, length: u64) {
        // If this fails, the next append or the next start writes it. Until then the store itself
        // has the length.
        let _ = self.signed.raise(length);
    }

    fn behind(&self, missing: Option<u64>) -> Failure {
        let room = self.room.name();
        let message = match missing {
            Some(1) => format!("1 of your messages in \"{room}\" is no longer stored here"),
            Some(count) => {
                let messages = plural(count, "message");
                format!("{messages} of yours in \"{room}\" are no longer stored here")
            }
            None => format!("it is not known how many messages you have sent in \"{room}\""),
        };
        let failure = Failure::new(ExitCode::Damaged, "feed.lost", message)
            .help("a file was lost, or an old copy was restored; until then nothing can be sent.")
            .help("get your messages back from another member:  multichat sync");
        match missing {
            Some(_) => failure.help(
                "if nobody has them, create a new profile:  multichat --profile NAME join INVITE",
            ),
            None => failure.help(format!(
                "if you never sent one, delete the damaged file signed/{}",
                self.room.id()
            )),
        }
    }

    /// Returns the failure of every change if the profile can only be read.
    pub(super) fn check_writable(&self) -> Result<(), Failure> {
        if !self.profile.is_read_only() {
            return Ok(());
        }
        let message = format!("profile \"{}\" can only be read", self.profile.name());
        Err(Failure::new(ExitCode::Failed, "profile.read-only", message)
            .help("its file system is read-only, or its files belong to another user")
            .help("messages can be shown and exported:  multichat tail,  multichat export"))
    }
}

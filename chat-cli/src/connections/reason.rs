//! Why a connection has ended, in words.

use multifeed_core::Reason;
use multifeed_tcp::Ending;

/// The words.
pub(super) fn disconnect_text(reason: &Ending) -> String {
    match reason {
        Ending::Core(Reason::NotAMember) => "somebody answers, but is not in this room".into(),
        Ending::Core(Reason::Ourselves) => "that is this program itself".into(),
        other => other.to_string(),
    }
}

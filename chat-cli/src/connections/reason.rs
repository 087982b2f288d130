//! Formats why a connection ended.

use multifeed_core::Reason;
use multifeed_tcp::Ending;

/// Returns the text.
pub(super) fn disconnect_text(reason: &Ending) -> String {
    match reason {
        Ending::Core(Reason::NotAMember) => {
            "a peer answers there, but it is not in this room".into()
        }
        Ending::Core(Reason::Ourselves) => "that is the address of this program".into(),
        other => other.to_string(),
    }
}

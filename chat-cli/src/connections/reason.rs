//! Formats why a connection ended.

use multifeed_core::CloseReason;
use multifeed_tcp::DisconnectReason;

/// Returns the text.
pub(super) fn disconnect_text(reason: &DisconnectReason) -> String {
    match reason {
        DisconnectReason::Core(CloseReason::NotAMember) => {
            "a peer answers there, but it is not in this room".into()
        }
        DisconnectReason::Core(CloseReason::Ourselves) => "that is your own address".into(),
        other => other.to_string(),
    }
}

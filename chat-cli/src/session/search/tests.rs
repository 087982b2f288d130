use jiff::Timestamp;

use super::*;
use crate::ids::MessageId;
use crate::message::{self, Draft};
use crate::timeline::key::Hlc;

fn entry(text: &str) -> Entry {
    let block = message::encode(&Draft::new("ada", text), Timestamp::UNIX_EPOCH).unwrap();
    let id = MessageId { feed: [1; 32], index: 0 };
    Entry { id, hlc: Hlc::default(), content: message::decode(&block) }
}

#[test]
fn all_words_must_match_in_any_order() {
    let matches = |words: &str, text: &str| {
        Search::new(words, &ChannelFilter::default(), 1).matches(&entry(text))
    };
    assert!(matches("sync", "in SYNC"));
    assert!(matches("  Noon soup ", "the soup is ready at noon"));
    assert!(!matches("noon bread", "the soup is ready at noon"));
    assert!(!matches("soup  noon", "soup"));
}

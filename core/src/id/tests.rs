use alloc::string::ToString;

use super::*;
use crate::{ParseKeyError, PublicKey};

/// The id as text and as JSON, and back.
fn round_trip<T>(id: T) -> (alloc::string::String, alloc::string::String)
where
    T: FromStr + fmt::Display + Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug,
    T::Err: fmt::Debug,
{
    let (text, json) = (id.to_string(), serde_json::to_string(&id).unwrap());
    assert_eq!(text.parse::<T>().unwrap(), id);
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), id);
    let bytes = postcard::to_allocvec(&id).unwrap();
    assert_eq!(postcard::from_bytes::<T>(&bytes).unwrap(), id);
    (text, json)
}

#[test]
fn ids_round_trip_as_text_and_with_serde() {
    assert_eq!(round_trip(ConnectionId(7)), ("7".into(), "7".into()));
    assert_eq!(round_trip(RequestId(8)), ("8".into(), "8".into()));
    assert_eq!(round_trip(FeedId::first(9)), ("9".into(), "9".into()));
    let later = FeedId { slot: 9, generation: 1 };
    assert_eq!(round_trip(later), ("4294967305".into(), "4294967305".into()));
}

#[test]
fn keys_are_hexadecimal_for_people_and_bytes_for_programs() {
    let mut bytes = [0; 32];
    (bytes[0], bytes[31]) = (0x0a, 0xff);
    let text = alloc::format!("0a{}ff", "00".repeat(30));
    let json = alloc::format!("\"{text}\"");
    assert_eq!(round_trip(FeedKey(bytes)), (text.clone(), json.clone()));
    assert_eq!(round_trip(PublicKey(bytes)), (text.clone(), json));
    assert_eq!(text.to_uppercase().parse(), Ok(FeedKey(bytes)));
    assert_eq!(postcard::to_allocvec(&FeedKey(bytes)).unwrap(), bytes);
    for wrong in ["", "0a", &text[1..], &text.replace("0a", "0g"), &alloc::format!("{text}0")] {
        assert_eq!(wrong.parse::<FeedKey>(), Err(ParseKeyError), "{wrong}");
    }
    let wrong = text.replacen("0a", "é", 1);
    assert_eq!(wrong.parse::<FeedKey>(), Err(ParseKeyError), "not ASCII");
}

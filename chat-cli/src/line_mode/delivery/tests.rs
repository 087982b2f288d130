use super::*;

fn holders(most: u64, complete: usize, here: usize) -> Holders {
    Holders { most, complete, here }
}

#[tokio::test]
async fn a_message_that_arrives_at_once_is_no_news() {
    let mut delivery = Delivery::new(4);
    delivery.stored(5);
    assert_eq!(delivery.waiting(), 1);
    assert_eq!(delivery.look(&holders(5, 1, 1)), None);
    assert_eq!((delivery.waiting(), delivery.deadline()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_told_once_and_so_is_its_arrival() {
    let mut delivery = Delivery::new(0);
    delivery.stored(1);
    assert_eq!(delivery.look(&holders(0, 0, 0)), None);
    tokio::time::sleep_until(delivery.deadline().unwrap()).await;
    let told = delivery.look(&holders(0, 0, 0)).unwrap();
    assert!(told.starts_with("◌ stored here; it is sent when another member"), "{told}");
    assert_eq!(delivery.deadline(), None);
    delivery.stored(2);
    assert_eq!(delivery.look(&holders(0, 0, 0)), None);
    // One of two messages is not all of them.
    assert_eq!(delivery.look(&holders(1, 0, 1)), None);
    assert_eq!(delivery.waiting(), 1);
    assert_eq!(delivery.look(&holders(2, 1, 1)).unwrap(), "● your message is now on 1 peer");
    assert_eq!(delivery.look(&holders(2, 1, 1)), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_had_it_and_went_still_has_it() {
    let mut delivery = Delivery::new(0);
    delivery.stored(3);
    tokio::time::sleep_until(delivery.deadline().unwrap()).await;
    assert_eq!(delivery.look(&holders(0, 0, 2)).unwrap(), "◌ stored here, not delivered yet");
    let told = delivery.look(&holders(3, 2, 3)).unwrap();
    assert_eq!(told, "● your 3 messages are now on 2 of 3 peers");
    assert_eq!(delivery.look(&holders(0, 0, 0)), None);
    assert_eq!(delivery.waiting(), 0);
}

#[tokio::test]
async fn a_peer_that_claims_more_than_there_is_counts_for_what_there_is() {
    let mut delivery = Delivery::new(0);
    delivery.stored(1);
    delivery.look(&holders(u64::MAX, 1, 1));
    delivery.stored(2);
    assert_eq!(delivery.waiting(), 1);
}

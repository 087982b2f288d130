use super::*;

fn holders(most: u64, complete: usize, connected: usize) -> HolderCounts {
    HolderCounts { most, complete, connected }
}

#[tokio::test]
async fn immediate_delivery_gives_no_notice() {
    let mut delivery = DeliveryTracker::new(4);
    delivery.stored(5);
    assert_eq!(delivery.waiting(), 1);
    assert_eq!(delivery.update(&holders(5, 1, 1)), None);
    assert_eq!((delivery.waiting(), delivery.deadline()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn waiting_and_arrival_are_each_reported_once() {
    let mut delivery = DeliveryTracker::new(0);
    delivery.stored(1);
    assert_eq!(delivery.update(&holders(0, 0, 0)), None);
    tokio::time::sleep_until(delivery.deadline().unwrap()).await;
    let notice = delivery.update(&holders(0, 0, 0)).unwrap();
    assert!(notice.starts_with("◌ stored here; it is sent when another member"), "{notice}");
    assert_eq!(delivery.deadline(), None);
    delivery.stored(2);
    assert_eq!(delivery.update(&holders(0, 0, 0)), None);
    // One of two messages is not all of them.
    assert_eq!(delivery.update(&holders(1, 0, 1)), None);
    assert_eq!(delivery.waiting(), 1);
    assert_eq!(delivery.update(&holders(2, 1, 1)).unwrap(), "● your message is now on 1 peer");
    assert_eq!(delivery.update(&holders(2, 1, 1)), None);
}

#[tokio::test(start_paused = true)]
async fn disconnected_holder_still_counts() {
    let mut delivery = DeliveryTracker::new(0);
    delivery.stored(3);
    tokio::time::sleep_until(delivery.deadline().unwrap()).await;
    assert_eq!(delivery.update(&holders(0, 0, 2)).unwrap(), "◌ stored here, not delivered yet");
    let notice = delivery.update(&holders(3, 2, 3)).unwrap();
    assert_eq!(notice, "● your 3 messages are now on 2 of 3 peers");
    assert_eq!(delivery.update(&holders(0, 0, 0)), None);
    assert_eq!(delivery.waiting(), 0);
}

#[tokio::test]
async fn excessive_peer_claim_is_capped() {
    let mut delivery = DeliveryTracker::new(0);
    delivery.stored(1);
    delivery.update(&holders(u64::MAX, 1, 1));
    delivery.stored(2);
    assert_eq!(delivery.waiting(), 1);
}

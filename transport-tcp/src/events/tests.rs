use std::net::Ipv4Addr;

use futures_lite::future::{block_on, poll_once};

use super::*;

fn listening(port: u16) -> NodeEvent {
    NodeEvent::Listening { addr: (Ipv4Addr::LOCALHOST, port).into() }
}

fn port(event: Option<NodeEvent>) -> u16 {
    match event {
        Some(NodeEvent::Listening { addr }) => addr.port(),
        other => panic!("not a listening event: {other:?}"),
    }
}

#[test]
fn each_subscriber_gets_each_event_in_order() {
    let subscribers = Subscribers::new(8);
    let (mut a, mut b) = (subscribers.subscribe(), subscribers.subscribe());
    subscribers.publish(listening(1));
    subscribers.publish(listening(2));
    for events in [&mut a, &mut b] {
        assert_eq!(port(events.try_next()), 1);
        assert_eq!(port(events.try_next()), 2);
        assert!(events.try_next().is_none());
    }
}

#[test]
fn a_slow_subscriber_learns_how_many_events_it_lost_and_its_queue_stays_bounded() {
    let subscribers = Subscribers::new(3);
    let mut events = subscribers.subscribe();
    for n in 1..=10 {
        subscribers.publish(listening(n));
        assert!(events.queue.lock().events.len() <= 3);
    }
    assert!(matches!(events.try_next(), Some(NodeEvent::Lagged(7))));
    assert_eq!(port(events.try_next()), 8);
    assert_eq!(port(events.try_next()), 9);
    assert_eq!(port(events.try_next()), 10);
    assert!(events.try_next().is_none());
}

#[test]
fn a_dropped_subscriber_is_removed() {
    let subscribers = Subscribers::new(3);
    let kept = subscribers.subscribe();
    drop(subscribers.subscribe());
    subscribers.publish(listening(1));
    assert_eq!(subscribers.lock().queues.len(), 1);
    drop(kept);
}

#[test]
fn the_stream_ends_after_the_last_event_and_wakes_the_reader() {
    let subscribers = Subscribers::new(3);
    let mut events = subscribers.subscribe();
    subscribers.publish(listening(1));
    subscribers.end();
    assert_eq!(port(block_on(events.next())), 1);
    assert!(block_on(events.next()).is_none());
    assert!(block_on(subscribers.subscribe().next()).is_none());
}

#[test]
fn a_waiting_reader_is_woken() {
    let subscribers = Subscribers::new(3);
    let mut events = subscribers.subscribe();
    block_on(async {
        assert!(poll_once(events.next()).await.is_none());
        let publisher = subscribers.clone();
        let thread = std::thread::spawn(move || publisher.publish(listening(1)));
        assert_eq!(port(events.next().await), 1);
        thread.join().expect("publishing does not panic");
    });
}

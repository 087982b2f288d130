use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::*;

#[test]
fn jobs_are_done_in_order_and_before_the_end() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let worker = Worker::start({
        let done = done.clone();
        move |batch: Vec<u32>| done.lock().unwrap().extend(batch)
    })
    .unwrap();
    for job in 0..5_000 {
        worker.queue().send(job).unwrap();
    }
    drop(worker);
    assert_eq!(*done.lock().unwrap(), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn what_waits_while_a_group_syncs_is_the_next_group() {
    let (sizes, seen) = channel();
    let (go, gate) = channel::<()>();
    let worker = Worker::start(move |batch: Vec<usize>| {
        sizes.send(batch.len()).unwrap();
        let _ = gate.recv();
    })
    .unwrap();
    worker.queue().send(0).unwrap();
    assert_eq!(seen.recv(), Ok(1));
    for job in 0..QUEUE_REQUESTS_MAX {
        worker.queue().try_send(job).unwrap();
    }
    assert!(matches!(worker.queue().try_send(1), Err(TrySendError::Full(1))), "it is bounded");
    go.send(()).unwrap();
    assert_eq!(seen.recv(), Ok(QUEUE_REQUESTS_MAX));
    drop(go);
}

#[test]
fn a_panic_ends_the_thread_and_gives_requests_back() {
    let worker = Worker::start(|_: Vec<u32>| panic!("as the test wants it")).unwrap();
    let _ = worker.queue().send(1);
    let returned = (0..1_000_000).find_map(|_| worker.queue().send(2).err());
    assert_eq!(returned, Some(SendError(2)));
}

#[test]
fn the_last_handle_can_be_dropped_by_a_reply() {
    let (hand_over, handles) = channel::<Worker<u32>>();
    let (ended, end) = channel();
    let worker = Worker::start(move |_: Vec<u32>| {
        drop(handles.recv());
        ended.send(()).unwrap();
    })
    .unwrap();
    worker.queue().send(1).unwrap();
    hand_over.send(worker).unwrap();
    assert_eq!(end.recv(), Ok(()));
}

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::*;

#[test]
fn jobs_run_in_order_and_all_finish_before_drop_returns() {
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
fn jobs_queued_during_a_batch_form_the_next_batch() {
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
    assert!(
        matches!(worker.queue().try_send(1), Err(TrySendError::Full(1))),
        "the queue is bounded"
    );
    go.send(()).unwrap();
    assert_eq!(seen.recv(), Ok(QUEUE_REQUESTS_MAX));
    drop(go);
}

#[test]
fn a_panic_ends_the_thread_and_send_returns_the_request() {
    let worker = Worker::start(|_: Vec<u32>| panic!("panics on purpose")).unwrap();
    let _ = worker.queue().send(1);
    let returned = (0..1_000_000).find_map(|_| worker.queue().send(2).err());
    assert_eq!(returned, Some(SendError(2)));
}

#[test]
fn a_reply_may_drop_the_last_handle() {
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

use super::*;

#[test]
fn events_are_ordered_by_time_and_simultaneous_ones_shuffled() {
    let order = |seed: u8| {
        let (mut queue, mut rng) = (EventQueue::new(), Rng::new([seed; 32]));
        for what in 0..20 {
            queue.schedule(7, Urgency::Work, what, &mut rng);
        }
        queue.schedule(3, Urgency::Work, 100, &mut rng);
        std::iter::from_fn(|| queue.take().map(|taken| taken.1)).collect::<Vec<_>>()
    };
    assert_eq!(order(1)[0], 100);
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn a_queue_with_only_timers_is_idle() {
    let (mut queue, mut rng) = (EventQueue::new(), Rng::new([0; 32]));
    queue.schedule(1, Urgency::Background, (), &mut rng);
    assert!(queue.is_idle());
    queue.schedule(2, Urgency::Work, (), &mut rng);
    assert!(!queue.is_idle());
    queue.take();
    queue.take();
    assert!(queue.is_idle());
    assert_eq!(queue.next_at(), None);
}

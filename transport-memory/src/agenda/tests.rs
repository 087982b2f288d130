use super::*;

#[test]
fn moments_come_in_order_and_the_seed_shuffles_one_moment() {
    let order = |seed: u8| {
        let (mut agenda, mut chance) = (Agenda::new(), Rng::new([seed; 32]));
        for what in 0..20 {
            agenda.enter(7, Urgency::Work, what, &mut chance);
        }
        agenda.enter(3, Urgency::Work, 100, &mut chance);
        std::iter::from_fn(|| agenda.take().map(|taken| taken.1)).collect::<Vec<_>>()
    };
    assert_eq!(order(1)[0], 100);
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn timers_alone_are_rest() {
    let (mut agenda, mut chance) = (Agenda::new(), Rng::new([0; 32]));
    agenda.enter(1, Urgency::Chore, (), &mut chance);
    assert!(agenda.is_idle());
    agenda.enter(2, Urgency::Work, (), &mut chance);
    assert!(!agenda.is_idle());
    agenda.take();
    agenda.take();
    assert!(agenda.is_idle());
    assert_eq!(agenda.next_at(), None);
}

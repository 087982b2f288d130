use super::*;

#[test]
fn search_intervals_grow_to_the_refresh_interval_with_jitter() {
    let waits = |seed| {
        let mut rng = Rng::new([seed; 32]);
        (0..70).map(|searches| search_interval(searches, &mut rng)).collect::<Vec<_>>()
    };
    let intervals = waits(1);
    for (searches, wait) in intervals.iter().enumerate() {
        let step_s = 1_u64.checked_shl(searches as u32).filter(|step| *step < REFRESH_S);
        let step = Duration::from_secs(step_s.unwrap_or(REFRESH_S));
        assert!(
            *wait >= step * 2 / 3 && *wait <= step * 4 / 3 + Duration::from_millis(1),
            "{searches}"
        );
    }
    assert_ne!(intervals, waits(2));
}

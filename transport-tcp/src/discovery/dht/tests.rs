use super::*;

#[test]
fn looks_come_seldom_in_the_end_and_not_in_step() {
    let waits = |seed| {
        let mut chance = Rng::new([seed; 32]);
        (0..70).map(|looks| pause(looks, &mut chance)).collect::<Vec<_>>()
    };
    let some = waits(1);
    for (looks, wait) in some.iter().enumerate() {
        let step_s = 1_u64.checked_shl(looks as u32).filter(|step| *step < REFRESH_S);
        let step = Duration::from_secs(step_s.unwrap_or(REFRESH_S));
        assert!(
            *wait >= step * 2 / 3 && *wait <= step * 4 / 3 + Duration::from_millis(1),
            "{looks}"
        );
    }
    assert_ne!(some, waits(2));
}

use super::*;

fn played(peers: u16, messages: u32, seed: u64) -> Demo {
    let size = Size { peers, messages, seed };
    let mut play = Play::new(size).unwrap();
    let mut stage = Stage::new(size, &Output::plain(Format::Json));
    play.perform(&mut stage).unwrap();
    play.end()
}

#[test]
fn the_same_seed_is_the_same_run() {
    let first = played(5, 4, 1);
    assert!(first.converged);
    assert_eq!(first, played(5, 4, 1));
    let other = played(5, 4, 2);
    assert!(other.converged && other.trace != first.trace);
}

#[test]
fn rooms_of_every_size_converge() {
    for (peers, messages) in [(2, 1), (2, 9), (3, 1), (4, 5), (8, 2), (9, 2), (20, 1)] {
        let end = played(peers, messages, 7);
        assert!(end.converged, "{peers} members, {messages} messages each");
        assert_eq!(end.messages, u64::from(peers) * u64::from(messages));
    }
}

#[test]
fn a_cut_parts_the_members_and_is_named() {
    assert_eq!(stage::parted(3, 0, 5), "dot to eve | ada to cal");
    assert_eq!(stage::parted(0, 1, 2), "ada | ben");
    assert_eq!(stage::name(16), "ada2");
}

#[test]
fn while_pipes_are_cut_somebody_lacks_something() {
    let size = Size { peers: 5, messages: 4, seed: 3 };
    let mut play = Play::new(size).unwrap();
    let scenes = play.scenes();
    for scene in &scenes {
        assert!(!scene.links.is_empty());
        play.world.run_for(Duration::from_secs(5));
        scene.links.iter().for_each(|link| play.world.cut(*link));
        let mut stage = Stage::new(size, &Output::plain(Format::Json));
        (0..5).for_each(|_| play.say(&mut stage).unwrap());
        play.world.run_for(Duration::from_secs(5));
        assert!(play.lacks().iter().any(|lack| *lack > 0));
        scene.links.iter().for_each(|link| play.world.heal(*link));
        assert!(play.world.run_until_converged(SETTLE));
        assert!(play.lacks().iter().all(|lack| *lack == 0));
    }
}

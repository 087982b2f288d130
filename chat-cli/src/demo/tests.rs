use super::*;

fn played(peers: u16, messages: u32, seed: u64) -> Demo {
    let size = DemoOptions { peers, messages, seed };
    let mut simulation = Simulation::new(size).unwrap();
    let mut stage = Display::new(size, &Output::plain(Format::Json));
    simulation.run(&mut stage).unwrap();
    simulation.end()
}

#[test]
fn same_seed_gives_the_same_run() {
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
fn partition_is_described_by_member_names() {
    assert_eq!(display::partition_text(3, 0, 5), "dot to eve | ada to cal");
    assert_eq!(display::partition_text(0, 1, 2), "ada | ben");
    assert_eq!(display::name(16), "ada2");
}

#[test]
fn members_lack_messages_during_a_partition() {
    let size = DemoOptions { peers: 5, messages: 4, seed: 3 };
    let mut simulation = Simulation::new(size).unwrap();
    let scenes = simulation.partitions();
    for scene in &scenes {
        assert!(!scene.links.is_empty());
        simulation.world.run_for(Duration::from_secs(5));
        scene.links.iter().for_each(|link| simulation.world.cut(*link));
        let mut stage = Display::new(size, &Output::plain(Format::Json));
        (0..5).for_each(|_| simulation.say(&mut stage).unwrap());
        simulation.world.run_for(Duration::from_secs(5));
        assert!(simulation.missing_counts().iter().any(|lack| *lack > 0));
        scene.links.iter().for_each(|link| simulation.world.heal(*link));
        assert!(simulation.world.run_until_converged(CONVERGENCE_TIMEOUT));
        assert!(simulation.missing_counts().iter().all(|lack| *lack == 0));
    }
}

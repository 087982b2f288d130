use super::*;

#[test]
fn each_bound_is_exceeded_by_one_more() {
    let limits = Limits::default();
    let feeds = 100;
    let at = Footprint { feeds, ..Footprint::default() };
    let most = of_one(&at.connection, feeds, &limits).map(|(_, _, most)| most);
    let [received_bytes, sealed_bytes, ready_bytes, reads, serves, wants, channels, ..] = most;
    let [.., rejects, aliases, queued_offers, part_bytes, peer_feeds, unsent, _, _, _, _, _] = most;
    let [.., stock_channels, stock_requests, stock_asks, stock_early_bytes, stock_ready_bytes] =
        most;
    let connection = ConnectionFootprint {
        received_bytes,
        sealed_bytes,
        ready_bytes,
        reads,
        serves,
        wants,
        channels,
        rejects,
        aliases,
        queued_offers,
        part_bytes,
        peer_feeds,
        unsent,
        stock_channels,
        stock_requests,
        stock_asks,
        stock_early_bytes,
        stock_ready_bytes,
    };
    let at = Footprint { connection, requests: limits.requests, ..at };
    assert_eq!(exceeded(&at, &limits, 1), None);
    let over = [
        Footprint { feeds: limits.feeds + 1, ..at },
        Footprint { candidates: 2 * limits.aliases as usize + 1, ..at },
        Footprint { orphans: 1, ..at },
        Footprint { unstored_bytes: limits.window_bytes as u64 + 1, ..at },
        Footprint { outputs: 1, ..at },
        Footprint { requests: limits.requests + 1, ..at },
        Footprint { snapshot_bytes: limits.snapshot_bytes + 1, ..at },
        Footprint { partial_bytes: limits.partial_bytes + 1, ..at },
        with(at, |it| it.received_bytes += 1),
        with(at, |it| it.sealed_bytes += 1),
        with(at, |it| it.ready_bytes += 1),
        with(at, |it| it.reads += 1),
        with(at, |it| it.serves += 1),
        with(at, |it| it.wants += 1),
        with(at, |it| it.channels += 1),
        with(at, |it| it.rejects += 1),
        with(at, |it| it.aliases += 1),
        with(at, |it| it.queued_offers += 1),
        with(at, |it| it.part_bytes += 1),
        with(at, |it| it.peer_feeds += 1),
        with(at, |it| it.unsent += 1),
        with(at, |it| it.stock_channels += 1),
        with(at, |it| it.stock_requests += 1),
        with(at, |it| it.stock_asks += 1),
        with(at, |it| it.stock_early_bytes += 1),
        with(at, |it| it.stock_ready_bytes += 1),
    ];
    for held in over {
        assert!(exceeded(&held, &limits, 1).is_some(), "{held:?}");
    }
}

fn with(mut held: Footprint, change: impl Fn(&mut ConnectionFootprint)) -> Footprint {
    change(&mut held.connection);
    held
}

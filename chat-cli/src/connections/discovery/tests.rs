use multifeed_tcp::discovery::SourceFailure;

use super::*;

fn stage_text(discovery: &mut DiscoveryStatus, step: Step) -> (bool, String) {
    let event = NodeEvent::Discovery { origin: Origin::Dht, step };
    let stage = discovery.on_event(&event).expect("a rung");
    (stage.is_new, stage.text())
}

#[test]
fn people_see_only_new_stages() {
    let mut discovery = DiscoveryStatus::default();
    let steps = [
        (Step::Bootstrapped { nodes: 9, observed_ip: None }, true, "dht: connected, 9 nodes known"),
        (Step::Searching, true, "dht: searching for members"),
        (Step::Found { peers: 0 }, true, "dht: no other member found yet"),
        (Step::Searching, false, "dht: searching for members"),
        (Step::Found { peers: 0 }, false, "dht: no other member found yet"),
        (Step::Found { peers: 2 }, true, "dht: found 2 peers"),
        (Step::Failed(SourceFailure::NoResponse), true, "dht: no bootstrap node answers"),
    ];
    for (step, is_new, text) in steps {
        assert_eq!(stage_text(&mut discovery, step), (is_new, text.to_owned()));
    }
}

#[test]
fn programs_see_each_dial() {
    let addr = SocketAddr::from(([127, 0, 0, 1], 7));
    let stage = DiscoveryStatus::default()
        .on_event(&NodeEvent::Dialling { addr, attempt: 3 })
        .expect("a rung");
    assert!(!stage.is_new);
    let line = serde_json::to_value(stage.line()).expect("JSON");
    let expected = serde_json::json!({
        "v": 1, "type": "net", "via": "tcp", "step": "dialling", "count": 3,
        "addr": "127.0.0.1:7"
    });
    assert_eq!(line, expected);
}

use multifeed_tcp::discovery::SourceFailure;

use super::*;

fn told(ladder: &mut Ladder, step: Step) -> (bool, String) {
    let event = NodeEvent::Discovery { origin: Origin::Dht, step };
    let rung = ladder.take(&event).expect("a rung");
    (rung.is_news, rung.text())
}

#[test]
fn people_are_told_what_is_new_and_no_more() {
    let mut ladder = Ladder::default();
    let steps = [
        (Step::Bootstrapped { nodes: 9, seen_as: None }, true, "dht: connected, 9 nodes known"),
        (Step::Looking, true, "dht: searching for members"),
        (Step::Found { peers: 0 }, true, "dht: no other member found yet"),
        (Step::Looking, false, "dht: searching for members"),
        (Step::Found { peers: 0 }, false, "dht: no other member found yet"),
        (Step::Found { peers: 2 }, true, "dht: found 2 peers"),
        (Step::Failed(SourceFailure::NobodyAnswers), true, "dht: none of its entry nodes answers"),
    ];
    for (step, is_news, text) in steps {
        assert_eq!(told(&mut ladder, step), (is_news, text.to_owned()));
    }
}

#[test]
fn programs_are_told_of_each_dial() {
    let addr = SocketAddr::from(([127, 0, 0, 1], 7));
    let rung = Ladder::default().take(&NodeEvent::Dialling { addr, attempt: 3 }).expect("a rung");
    assert!(!rung.is_news);
    let line = serde_json::to_value(rung.line()).expect("JSON");
    let expected = serde_json::json!({
        "v": 1, "type": "net", "via": "tcp", "step": "dialling", "count": 3,
        "addr": "127.0.0.1:7"
    });
    assert_eq!(line, expected);
}

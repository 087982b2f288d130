use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::*;
use crate::rng::Rng;

/// The doc comments of the fields of a struct of this module, by their names.
fn docs_of(name: &str) -> Vec<(String, String)> {
    let text = include_str!("../config.rs");
    let start = text.find(&format!("pub struct {name} {{")).unwrap();
    let fields = text[start..].lines().skip(1).take_while(|line| *line != "}");
    let (mut docs, mut doc) = (Vec::new(), String::new());
    for line in fields.map(str::trim) {
        if let Some(part) = line.strip_prefix("///") {
            doc.push_str(part);
        } else if let Some(field) = line.strip_prefix("pub ") {
            let field = field.split(':').next().unwrap();
            docs.push((field.into(), core::mem::take(&mut doc)));
        }
    }
    docs
}

/// A default as the docs write it.
fn written(field: &str, value: u64) -> String {
    let unit = |shift: u32| value.is_multiple_of(1 << shift) && value > 0;
    match value {
        _ if !field.ends_with("_bytes") => format!("{value}"),
        value if unit(30) => format!("{} GiB", value >> 30),
        value if unit(20) => format!("{} MiB", value >> 20),
        value if unit(10) => format!("{} KiB", value >> 10),
        value => format!("{value} bytes"),
    }
}

#[test]
fn the_docs_of_each_limit_state_its_default() {
    let Value::Object(defaults) = serde_json::to_value(Limits::default()).unwrap() else {
        panic!()
    };
    let docs = docs_of("Limits");
    assert_eq!(docs.len(), defaults.len());
    for (field, doc) in docs {
        let default = written(&field, defaults[&field].as_u64().unwrap());
        let is_stated = doc.split("Default: ").nth(1).is_some_and(|rest| {
            let after = rest.strip_prefix(&default[..]);
            after.is_some_and(|after| !after.starts_with(|next: char| next.is_ascii_digit()))
        });
        assert!(is_stated, "{field}: the docs do not state the default {default}: {doc}");
    }
}

#[test]
fn the_docs_of_each_timer_state_its_default() {
    let timing = Timing::default();
    let Timing { handshake, keep_alive, dead, request, reconcile } = timing;
    let defaults = [
        ("handshake", handshake),
        ("keep_alive", keep_alive),
        ("dead", dead),
        ("request", request),
        ("reconcile", reconcile),
    ];
    let docs = docs_of("Timing");
    assert_eq!(docs.len(), defaults.len());
    for ((field, doc), (name, default)) in docs.into_iter().zip(defaults) {
        let default = format!("Default: {} s", default.unwrap().as_secs());
        assert!(field == name && doc.contains(&default), "{field}: {default}: {doc}");
    }
}

#[test]
fn a_seed_is_drawn_from_its_generator_and_hides_its_bytes() {
    let mut rng = Rng::new([1; 32]);
    let [one, two] = [Seed::generate(&mut rng), Seed::generate(&mut rng)];
    assert_ne!(one.bytes(), two.bytes());
    assert_eq!(one.bytes(), Rng::new([1; 32]).array());
    assert_eq!(format!("{one:?}"), "Seed(..)");
}

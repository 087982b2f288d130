use std::fs;

use tempfile::TempDir;

use super::{Graph, Import};

/// A crate `made-up` of these files.
fn graph(files: &[(&str, &str)]) -> Graph {
    let folder = TempDir::new().unwrap();
    let src = folder.path().join("src");
    for (name, text) in files {
        let path = src.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"made-up\"\n").unwrap();
    Graph::of(&src)
}

/// `from:line to` of each import, once per line.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let graph = graph(files);
    let short = |import: &Import| format!("{}:{} {}", import.from, import.line, import.to);
    let mut found: Vec<_> = graph.imports().map(short).collect();
    found.dedup();
    found
}

const LOW: (&str, &str) = ("low.rs", "pub struct Low; pub enum Kind { A } pub fn call() {}");

/// `high.rs` with this text above `low.rs`.
fn high(text: &str) -> Vec<String> {
    imports(&[("lib.rs", "mod high; mod low;"), LOW, ("high.rs", text)])
}

#[test]
fn each_form_of_import_is_found() {
    for text in [
        "use crate::low::Low;",
        "use super::low::Low;",
        "use crate::{low::{Low as Other, Kind}};",
        "use crate::low::{self}; fn a(_: low::Low) {}",
        "use crate::low; fn a() { low::call(); }",
        "fn a() { use crate::low::call; call(); }",
        "fn a() -> u8 { crate::low::Kind::A as u8 }",
        "use crate::low::*; fn a(_: Low) {}",
        "use crate::low::*; fn a() { call() }",
        "use crate::low::Kind::*;",
        "fn a() { assert!(matches!(1, crate::low::Kind::A)); }",
        "impl crate::low::Low {}",
        "#[arg(parse = crate::low::call)] struct A;",
    ] {
        assert_eq!(high(text), ["high.rs:1 low.rs"], "{text}");
    }
}

#[test]
fn text_and_other_crates_are_no_imports() {
    for text in [
        "//! [`crate::low::Low`]\n/// crate::low::Low\nfn a() {}",
        "// crate::low::Low\nconst A: &str = \"crate::low::Low\";",
        "use std::low::Low; use bytes::low; fn a(_: bytes::Low, _: Vec<Option<u8>>) {}",
        "use crate::low;",
        "fn a(low: u8) -> u8 { low.call(); self.low }",
        "#[cfg(test)] use crate::low::Low; #[cfg(test)] mod tests { use crate::low::Low; }",
        "struct A; impl A { #[cfg(test)] fn a(_: crate::low::Low) {} }",
        "fn a() { #[cfg(test)] crate::low::call(); }",
    ] {
        assert_eq!(high(text), [""; 0], "{text}");
    }
}

#[test]
fn an_import_counts_for_the_file_that_defines_the_name() {
    let parent = ("parent.rs", "mod child; pub(crate) use child::Low as Renamed;");
    let child = ("parent/child.rs", "pub(crate) struct Low;");
    let root = ("lib.rs", "mod parent; mod user; pub use parent::Renamed;");
    let user = ("user.rs", "\nuse crate::parent::Renamed;");
    let glob = ("user.rs", "use crate::*; fn a(_: Renamed) {}");
    assert_eq!(imports(&[root, parent, child, user]), ["user.rs:2 parent/child.rs"]);
    assert_eq!(imports(&[root, parent, child, glob]), ["user.rs:1 parent/child.rs"]);
}

#[test]
fn declaring_and_reexporting_a_child_is_no_import_but_using_it_is() {
    let root = ("lib.rs", "mod parent;");
    let child = ("parent/child.rs", "pub struct Low; pub fn call() {}");
    let with = |text| imports(&[root, ("parent/mod.rs", text), child]);
    assert_eq!(with("mod child; pub use child::{Low, call};"), [""; 0]);
    assert_eq!(with("mod child; use child::Low;"), ["parent/mod.rs:1 parent/child.rs"]);
    let used = "mod child; pub use child::Low;\nfn a(_: Low) {}";
    assert_eq!(with(used), ["parent/mod.rs:2 parent/child.rs"]);
    let called = "mod child; pub use child::call;\nfn a() { call() }";
    assert_eq!(with(called), ["parent/mod.rs:2 parent/child.rs"]);
}

#[test]
fn a_reexport_of_what_is_no_child_is_an_import() {
    assert_eq!(high("pub use crate::low::Low;"), ["high.rs:1 low.rs"]);
}

#[test]
fn a_function_with_the_name_of_its_module_is_found() {
    let root = ("lib.rs", "mod run; mod user; pub use run::run;");
    let run = ("run.rs", "pub fn run() {}");
    assert_eq!(imports(&[root, run, ("user.rs", "fn a() { crate::run() }")]), ["user.rs:1 run.rs"]);
}

#[test]
fn inline_modules_and_binaries_are_read() {
    let root = ("lib.rs", "mod low; mod inline { use super::low::Low; mod outer; }");
    let outer = ("inline/outer.rs", "use super::super::low::Low;");
    let main = ("bin/tool/main.rs", "mod part; use made_up::low::Low; use part::Part;");
    let part = ("bin/tool/part.rs", "pub struct Part;");
    assert_eq!(
        imports(&[root, LOW, outer, main, part]),
        [
            "bin/tool/main.rs:1 bin/tool/part.rs",
            "bin/tool/main.rs:1 low.rs",
            "inline/outer.rs:1 low.rs",
            "lib.rs:1 low.rs",
        ]
    );
}

#[test]
fn macros_are_imports_of_their_file() {
    let root = ("lib.rs", "#[macro_use] mod low; mod high;");
    let low = ("low.rs", "macro_rules! shout { () => { $crate::low::call() } } pub fn call() {}");
    assert_eq!(imports(&[root, low, ("high.rs", "fn a() { shout!() }")]), ["high.rs:1 low.rs"]);
}

#[test]
fn reexports_in_a_circle_end() {
    let root = ("lib.rs", "mod a; mod b; use a::Nothing;");
    let a = ("a.rs", "pub use crate::b::*;");
    let b = ("b.rs", "pub use crate::a::*;");
    // Neither defines it, so it counts for the file that was asked.
    assert_eq!(imports(&[root, a, b]), ["lib.rs:1 a.rs"]);
}

fn violations(list: &str) -> Vec<String> {
    let root = ("lib.rs", "mod a; mod folder; #[cfg(test)] mod tests;");
    let a = ("a.rs", "\npub struct A;");
    let folder = ("folder/mod.rs", "mod b; pub use b::B;");
    let b = ("folder/b.rs", "\nuse crate::a::A; pub struct B;");
    let tests = ("tests.rs", "use crate::folder::B;");
    graph(&[root, a, folder, b, tests]).violations(list)
}

#[test]
fn a_list_that_fits_reports_nothing() {
    assert_eq!(violations("# bottom\nlow: a.rs # one\n\nhigh: folder/ lib.rs"), [""; 0]);
    assert_eq!(violations("all: a.rs folder/ lib.rs"), [""; 0]);
}

#[test]
fn an_import_of_a_higher_layer_is_reported() {
    let list = "low: folder/ lib.rs\nhigh: a.rs";
    assert_eq!(
        violations(list),
        ["folder/b.rs:2 imports a.rs (layer high above low): crate::a::A"]
    );
    // The longest path decides.
    let list = "low: folder/\nmiddle: a.rs\nhigh: folder/b.rs lib.rs";
    assert_eq!(violations(list), [""; 0]);
}

#[test]
fn unlisted_files_and_paths_without_a_file_are_reported() {
    assert_eq!(
        violations("low: a.rs a.rs b/\nno colon\nhigh: folder/b.rs folder.rs"),
        [
            "the layer list names a.rs twice",
            "the layer list has a line without a colon: no colon",
            "the layer list names b/, which does not exist",
            "the layer list names folder.rs, which does not exist",
            "folder/mod.rs is in no layer",
            "lib.rs is in no layer",
        ]
    );
}

#[test]
fn a_file_outside_the_module_tree_is_reported() {
    let files = [("lib.rs", ""), ("lost.rs", ""), ("tests/lost.rs", "")];
    assert_eq!(graph(&files).violations("all: lib.rs"), ["lost.rs belongs to no module"]);
}

#[test]
fn an_import_cycle_is_reported_within_one_layer_too() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("d.rs", "pub struct D;"),
    ];
    assert_eq!(
        graph(&files).violations("all: lib.rs a.rs b.rs c.rs d.rs"),
        [
            "import cycle of 3 files: a.rs, b.rs, c.rs",
            "  a.rs:1 imports b.rs: crate::b::B",
            "  b.rs:1 imports c.rs: crate::c::C",
            "  c.rs:1 imports a.rs: crate::a::A",
        ]
    );
}

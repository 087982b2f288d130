//! A multifeed and a stock hypercore. After each step, a core must be the same on both sides: every
//! byte of every block, and the hash over its tree.

use multifeed_core::{ConnectionId, FeedId, Role};
use serde_json::{Value, json};

use crate::javascript::Javascript;
use crate::sockets::{Ours, config};

/// The two, in two processes.
#[derive(Debug)]
pub struct Pair {
    /// The multifeed.
    pub ours: Ours,
    /// The hypercore.
    pub javascript: Javascript,
}

/// A core that JavaScript has open, with any author.
#[derive(Clone, Debug)]
pub struct Core {
    /// Its name in the process.
    pub name: String,
    /// Its key, in hex.
    pub key: Value,
    seed: u8,
    sizes: &'static [usize],
}

impl Core {
    fn with(&self, mut options: Value) -> Value {
        options["name"] = json!(self.name);
        options["seed"] = json!(self.seed);
        options["sizes"] = json!(self.sizes);
        options
    }
}

impl Pair {
    /// With a hypercore of this version.
    pub fn open(version: u32) -> Self {
        Self { ours: Ours::open(config(1)), javascript: Javascript::hypercore(version) }
    }

    /// Connects the two.
    pub fn join(&mut self, role: Role) -> ConnectionId {
        self.ours.join(&mut self.javascript, role)
    }

    /// Sends JavaScript a command that may need us. Returns the answer.
    pub fn order(&mut self, command: &str, options: Value) -> Value {
        let id = self.javascript.tell(command, options);
        self.ours.until_answered(&mut self.javascript, id, command)
    }

    /// Lets JavaScript open a core: `kind` as in `hypercore.js`.
    pub fn core(&mut self, name: &str, contents: (u8, &'static [usize]), kind: Value) -> Core {
        let (seed, sizes) = contents;
        let mut core = Core { name: name.to_owned(), key: Value::Null, seed, sizes };
        core.key = self.order("core", core.with(kind))["key"].take();
        core
    }

    /// A JavaScript core that reads a feed of ours.
    pub fn reader(&mut self, name: &str, contents: (u8, &'static [usize]), feed: FeedId) -> Core {
        let key = self.ours.key(feed);
        self.core(name, contents, json!({ "key": key }))
    }

    /// JavaScript appends this many blocks.
    pub fn append(&mut self, core: &Core, count: u64) {
        self.order("append", core.with(json!({ "count": count })));
    }

    /// JavaScript truncates a core to ten blocks and appends fifteen others.
    pub fn cut_to_10_and_append_15(&mut self, core: &Core) {
        self.order("truncate", core.with(json!({ "length": 10 })));
        self.append(core, 15);
    }

    /// Starts to wait until JavaScript has all of a feed of ours and has compared every byte.
    pub fn tell_to_have(&mut self, core: &Core, feed: FeedId) -> u64 {
        let length = self.ours.length(feed);
        self.javascript.tell("download", core.with(json!({ "length": length })))
    }

    /// Waits for that.
    pub fn until_it_has(&mut self, id: u64, feed: FeedId) {
        let tree = self.ours.until_answered(&mut self.javascript, id, "javascript has it");
        assert_eq!((&tree["length"], &tree["fork"]), (&json!(self.ours.length(feed)), &json!(0)));
        assert_eq!(tree["hash"], json!(self.ours.tree_hash(feed)));
    }

    /// Waits until JavaScript has all of a feed of ours.
    pub fn until_they_have(&mut self, core: &Core, feed: FeedId) {
        let id = self.tell_to_have(core, feed);
        self.until_it_has(id, feed);
    }

    /// Waits until we have all of a core of theirs.
    pub fn until_we_have(&mut self, core: &Core, feed: FeedId) {
        let tree = self.order("tree", core.with(json!({})));
        let length = tree["length"].as_u64().unwrap();
        self.ours.until("we have it", |ours| ours.length(feed) == length);
        self.ours.check(feed, 0..length, core.seed, core.sizes);
        assert_eq!(tree["hash"], json!(self.ours.tree_hash(feed)));
    }

    /// Checks that no connection was closed.
    pub fn check_open(&self) {
        assert!(self.ours.closed.is_empty(), "{:?}", self.ours.closed);
    }
}

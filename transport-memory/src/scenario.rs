//! Scenarios: the nodes of a world, what is done in it, and its faults.
//!
//! A scenario is a TOML file, named after the behaviour that it shows. A seed makes a [`Script`] of
//! it, which is a list of steps. A run plays the script in two phases: first with faults, then
//! without, when all nodes must converge.
//!
//! ```
//! use multifeed_memory::scenario::{Scenario, Script, play};
//!
//! let scenario = Scenario::parse(
//!     "a-pair-whose-connection-breaks",
//!     "summary = 'A pair whose connection breaks.'
//!      nodes = 2
//!      topology = 'chain'
//!      blocks = 10
//!      [faults]
//!      reset = 4",
//! ).unwrap();
//! let script = Script::of(&scenario, 7);
//! let outcome = play(&scenario, &script, |_, _| ());
//! assert_eq!(outcome.violations, []);
//! assert_eq!(outcome.trace, play(&scenario, &script, |_, _| ()).trace);
//! ```

mod built_in;
mod draw;
mod names;
mod plan;
mod play;
mod script;
mod shrink;

pub use built_in::{built_in, find_built_in, golden_traces};
pub use draw::Draw;
pub use plan::{BadScenario, Call, DiskPlan, LinkPlan, Scenario, TimingPlan, Topology};
pub use play::{Outcome, play, play_reopening, play_traced, play_twice};
pub use script::{Action, Script, Step};
pub use shrink::shrink;

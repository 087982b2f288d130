//! Moves a program from the crate `hypercore` to a multifeed: an existing core is adopted, and its
//! blocks are copied to a feed that the program continues.
//!
//! `cargo run -p import-hypercore --example migrate` writes a core of three blocks first.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use hypercore::{HypercoreBuilder, Storage};
use import_hypercore::{Source, Target, adopt, copy};
use multifeed_core::{Config, Group, KeyPair};
use multifeed_store::{Check, DiskStore};

/// What the program did before: it stores a core in a folder.
async fn before(folder: &Path) -> Result<(), Box<dyn Error>> {
    let storage = Storage::new_disk(&folder.to_path_buf(), true).await?;
    let core = HypercoreBuilder::new(storage).build().await?;
    core.append_batch(&[b"one", b"two"]).await?;
    core.append(b"three").await?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let core = folder.path().join("core");
    tokio::runtime::Builder::new_current_thread().build()?.block_on(before(&core))?;

    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let store = DiskStore::open(folder.path().join("feeds"), Check::Quick)?;
    let mut target = Target::open(Config::new(Group::open("kitchen"), seed), store)?;
    let mut source = Source::open(&core)?;

    // The old core, as everybody knows it.
    let adopted = adopt(&mut source, &mut target)?;
    // Its blocks in a feed of the group. Keep the seed of its key pair: it signs what comes next.
    getrandom::fill(&mut seed)?;
    let copied = copy(&mut source, &mut target, "main", KeyPair::from_seed(&seed))?;

    let mut out = io::stdout();
    for (what, done) in [("adopted", adopted), ("copied", copied)] {
        writeln!(out, "{what}: {} blocks as {}", done.length, done.key)?;
    }
    Ok(())
}

//! `import-hypercore`: brings the blocks of a hypercore's folder into the store of a multifeed.
//!
//! Rule: it prints what it did to the standard output, and why it failed to the standard error.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use data_encoding::HEXLOWER_PERMISSIVE;
use import_hypercore::{Imported, Source, Target, adopt, copy};
use multifeed_core::{Config, Group, KeyPair};
use multifeed_store::{Check, DiskStore};

/// Brings the blocks of an existing hypercore into a multifeed.
///
/// FOLDER is the folder of one core, with the files oplog, tree, bitfield and data, as the Rust
/// crate hypercore and the JavaScript package hypercore 10 write them. It is only read; stop the
/// program that writes to it first. Every block is checked against the author's signature.
///
/// Without --copy the core keeps its key and its signatures: it is replicated, and nothing can be
/// appended to it. With --copy its blocks are appended to a new feed of the group, which can be
/// continued.
///
/// The same command continues an import that was interrupted.
#[derive(Debug, Parser)]
#[command(version, group = ArgGroup::new("group").required(true))]
struct Arguments {
    /// The folder of the core.
    folder: PathBuf,

    /// The file of the multifeed's store; it is created if it does not exist.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,

    /// The name of an open group.
    #[arg(long, value_name = "NAME", group = "group")]
    group_name: Option<String>,

    /// A file with the key of a group: 64 hexadecimal digits.
    #[arg(long, value_name = "FILE", group = "group")]
    group_key_file: Option<PathBuf>,

    /// Copies the blocks to the writer of this name.
    #[arg(long, value_name = "NAME", requires = "key_file")]
    copy: Option<String>,

    /// A file with the seed of the writer's key pair: 64 hexadecimal digits. If it does not exist,
    /// it is created with a random seed. Everyone who can read it can append to the feed.
    #[arg(long, value_name = "FILE", requires = "copy")]
    key_file: Option<PathBuf>,

    /// Imports the first blocks of a core whose folder does not hold all of them.
    #[arg(long)]
    partial: bool,
}

type Failed = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(done) => {
            // The import is done, even if the output is closed.
            _ = writeln!(io::stdout(), "{done}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String, Failed> {
    let mut source = Source::open(&arguments.folder)?;
    if !arguments.partial {
        source.require_complete()?;
    }
    let group = match (&arguments.group_name, &arguments.group_key_file) {
        (Some(name), _) => Group::open(name),
        (None, Some(path)) => Group::keyed(read_key(path)?),
        (None, None) => return Err("give --group-name or --group-key-file".into()),
    };
    let store = DiskStore::open(&arguments.store, Check::Quick)?;
    let mut target = Target::open(Config::new(group, random()?), store)?;
    let (done, verb) = match (&arguments.copy, &arguments.key_file) {
        (Some(name), Some(path)) => {
            let key_pair = KeyPair::from_seed(&read_or_create_key(path)?);
            (copy(&mut source, &mut target, name, key_pair)?, "copied to")
        }
        _ => (adopt(&mut source, &mut target)?, "adopted as"),
    };
    Ok(describe(&done, verb, source.length()))
}

fn describe(done: &Imported, verb: &str, of: u64) -> String {
    let Imported { key, length, byte_length, before } = done;
    let before = match before {
        0 => String::new(),
        before => format!(", {before} of them were there before"),
    };
    format!("{length} of {of} blocks with {byte_length} bytes {verb} {key}{before}")
}

fn random() -> Result<[u8; 32], Failed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Reads 32 bytes in hexadecimal digits.
fn read_key(path: &Path) -> Result<[u8; 32], Failed> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let bytes = HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    let key = bytes.and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| format!("{} does not contain 64 hexadecimal digits", path.display()).into())
}

fn read_or_create_key(path: &Path) -> Result<[u8; 32], Failed> {
    if path.exists() {
        return read_key(path);
    }
    let key = random()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named = |error: io::Error| format!("{}: {error}", path.display());
    let mut file = options.open(path).map_err(named)?;
    writeln!(file, "{}", HEXLOWER_PERMISSIVE.encode(&key)).map_err(named)?;
    file.sync_all().map_err(named)?;
    Ok(key)
}
